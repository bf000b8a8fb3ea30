"""Static figures made small enough that a page of them can be mailed."""

import io
import math
from collections.abc import Mapping
from typing import NamedTuple

from PIL import Image

from vaerun.analysis.report.packing import data_uri

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
