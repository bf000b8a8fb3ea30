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


class Recoded(NamedTuple):
    """A figure in the page: the address that holds it, and its width and height as drawn."""

    address: str
    width: int
    height: int


def recoded(pngs: Mapping[str, bytes], budget: int) -> dict[str, Recoded]:
    """PNG files by name, smaller by as much as it takes to fit about ``budget`` bytes of text."""
    found = {name: _recoded(png, WIDEST) for name, png in pngs.items()}
    n_bytes = sum(len(one.address) for one in found.values())
    if n_bytes <= budget:
        return found
    widest = round(WIDEST * math.sqrt(budget / n_bytes))  # bytes go with the area
    return {name: _recoded(png, widest) for name, png in pngs.items()}


def _recoded(png: bytes, widest: int) -> Recoded:
    """The same picture, no wider and in no more bytes."""
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
        if len(png) <= SMALL:
            return Recoded(data_uri(png, "image/png"), width, height)
        flat = image.convert("RGB")
    if width > widest:
        flat = flat.resize((widest, round(height * widest / width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=QUALITY, method=2)
    if buffer.tell() >= len(png):
        return Recoded(data_uri(png, "image/png"), width, height)
    return Recoded(data_uri(buffer.getvalue(), "image/webp"), width, height)
