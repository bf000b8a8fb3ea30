"""Figures and arrays as text for the page, small enough to be mailed: 16 bits a number."""

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

_UNKNOWN = 2**16 - 1  # code of NaN


def pack(values: Values) -> dict[str, Any]:
    """Numbers (N,) as ``{"type", "low", "step", "data"}``: low + step × code.

    Integers are exact; floats, which may be NaN, are rounded to a 65,000th of their range.
    """
    if values.dtype.kind in "iu":
        least = int(values.min(initial=0))
        width = int(values.max(initial=0)) - least
        kind = "u1" if width < 2**8 else "u2" if width < 2**16 else "u4"
        return {"type": kind, "low": least, "step": 1} | _data(values - least, kind)
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 1.0)
    step = max(float(high - low), 1e-12) / (_UNKNOWN - 1)
    codes = np.where(finite, np.round((np.where(finite, values, low) - low) / step), _UNKNOWN)
    nan = {} if finite.all() else {"nan": _UNKNOWN}
    return {"type": "u2", "low": float(low), "step": step, **nan} | _data(codes, "u2")


def _data(codes: Values, kind: str) -> dict[str, str]:
    raw = codes.astype(f"<{kind}").tobytes()
    return {"data": base64.b64encode(raw).decode("ascii")}


def data_uri(raw: bytes, media_type: str) -> str:
    """Data URI of a file's content."""
    return f"data:{media_type};base64,{base64.b64encode(raw).decode('ascii')}"


def embedded_json(plain: Any) -> str:
    """JSON for a script element, whatever its strings contain."""
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    escapes = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028"}
    return text.translate({ord(sign): escape for sign, escape in escapes.items()})


WIDEST = 1500  # pixels
SMALL = 40_000  # bytes: a smaller PNG stays as it is
QUALITY = 80
_TRIES = 3


class Recoded(NamedTuple):
    """A figure in the page: its data URI, and the width and height of the original in pixels."""

    address: str
    width: int
    height: int


def recoded(pngs: Mapping[str, bytes], budget: int) -> dict[str, Recoded]:
    """PNG files by name, shrunk to fit about ``budget`` bytes of text."""
    scale = 1.0
    for _ in range(_TRIES):
        figures = {name: _recoded(png, scale) for name, png in pngs.items()}
        n_bytes = sum(len(figure.address) for figure in figures.values())
        if n_bytes <= budget:
            break
        scale *= 0.95 * math.sqrt(budget / n_bytes)  # bytes grow with the area at most
    return figures


def _recoded(png: bytes, scale: float) -> Recoded:
    """A PNG with its sides scaled, as WebP if that takes fewer bytes."""
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
        if len(png) <= SMALL:
            return Recoded(data_uri(png, "image/png"), width, height)
        flat = image.convert("RGB")
    shown = round(min(width, WIDEST) * scale)
    if shown < width:
        flat = flat.resize((shown, round(height * shown / width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=QUALITY, method=2)
    if buffer.tell() >= len(png):
        return Recoded(data_uri(png, "image/png"), width, height)
    return Recoded(data_uri(buffer.getvalue(), "image/webp"), width, height)
