"""Arrays as text that the page unpacks: 16 bits are finer than any screen or eye."""

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating] | npt.NDArray[np.integer]

_UNKNOWN = 2**16 - 1  # stands for NaN


def pack(values: Values) -> dict[str, Any]:
    """Numbers (N,) as ``{"type", "low", "step", "data"}``: low + step × code.

    Whole numbers are exact; others keep a 65,000th of their range, and may be NaN.
    """
    if values.dtype.kind in "iu":
        least = int(values.min(initial=0))
        width = int(values.max(initial=0)) - least
        kind = "u1" if width < 2**8 else "u2" if width < 2**16 else "u4"
        return {"type": kind, "low": least, "step": 1} | _data(values - least, kind)
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 1.0)
    step = max(float(high - low), 1e-12) / (_UNKNOWN - 1)
    codes = np.where(known, np.round((np.where(known, values, low) - low) / step), _UNKNOWN)
    nan = {} if known.all() else {"nan": _UNKNOWN}
    return {"type": "u2", "low": float(low), "step": step, **nan} | _data(codes, "u2")


def _data(codes: Values, kind: str) -> dict[str, str]:
    raw = codes.astype(f"<{kind}").tobytes()
    return {"data": base64.b64encode(raw).decode("ascii")}


def data_uri(raw: bytes, media_type: str) -> str:
    """A file's content as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(raw).decode('ascii')}"


def embedded_json(plain: Any) -> str:
    """JSON that can stand in a script element whatever its strings hold."""
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    escapes = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028"}
    return text.translate({ord(sign): escape for sign, escape in escapes.items()})
