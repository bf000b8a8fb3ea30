"""Static figures made small enough that a page of them can be mailed.

Arrays as text that the page unpacks: 16 bits are finer than any screen or eye.
"""

import base64
import io
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

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


WIDEST = 1500  # pixels
SMALL = 40_000  # bytes: a PNG of less is kept, it is as sharp as it gets
QUALITY = 80
_TRIES = 3


class Recoded(NamedTuple):
    """A figure in the page: the address that holds it, and its width and height as drawn."""

    address: str
    width: int
    height: int


def recoded(pngs: Mapping[str, bytes], budget: int) -> dict[str, Recoded]:
    """PNG files by name, smaller by as much as it takes to fit about ``budget`` bytes of text."""
    scale = 1.0
    for _ in range(_TRIES):
        found = {name: _recoded(png, scale) for name, png in pngs.items()}
        n_bytes = sum(len(one.address) for one in found.values())
        if n_bytes <= budget:
            break
        scale *= 0.95 * math.sqrt(budget / n_bytes)  # bytes go with the area, or less
    return found


def _recoded(png: bytes, scale: float) -> Recoded:
    """The same picture, its sides scaled, in no more bytes."""
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
        if len(png) <= SMALL:
            return Recoded(data_uri(png, "image/png"), width, height)
        flat = image.convert("RGB")
    kept = round(min(width, WIDEST) * scale)
    if kept < width:
        flat = flat.resize((kept, round(height * kept / width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=QUALITY, method=2)
    if buffer.tell() >= len(png):
        return Recoded(data_uri(png, "image/png"), width, height)
    return Recoded(data_uri(buffer.getvalue(), "image/webp"), width, height)
