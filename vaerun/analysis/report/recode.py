"""Static figures made small enough that a page of them can be mailed."""

import io

from PIL import Image

from vaerun.analysis.report.packing import data_uri

WIDEST = 1500  # pixels
SMALL = 40_000  # bytes: a PNG of less is kept, it is as sharp as it gets
QUALITY = 80


def recoded(png: bytes) -> tuple[str, int, int]:
    """A PNG as the address of a picture that is no larger, and its width and height as drawn."""
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
        if len(png) <= SMALL:
            return data_uri(png, "image/png"), width, height
        flat = image.convert("RGB")
    if width > WIDEST:
        flat = flat.resize((WIDEST, round(height * WIDEST / width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=QUALITY, method=2)
    if buffer.tell() >= len(png):
        return data_uri(png, "image/png"), width, height
    return data_uri(buffer.getvalue(), "image/webp"), width, height
