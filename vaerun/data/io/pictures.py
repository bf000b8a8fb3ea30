"""Reader of PNG and JPEG pictures, as any viewer shows them."""

from pathlib import Path

import numpy as np

from vaerun.data.io.compression import INSTALL
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, refuse_key
from vaerun.utils.errors import UserError

# Pillow modes that are neither intensities nor RGB, and the mode they are converted to
_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "L", "La": "L"}
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH, _KIND = 24, 25  # bytes of a PNG file with the bits of a number, and the kind of colour
_GREY = 0


def open_picture(file: Path, selector: ArraySelector) -> LazyArray:
    """The image of a PNG or JPEG file, (H, W) or (H, W, colours), turned as its EXIF says."""
    from PIL import Image, ImageOps  # slow to import

    refuse_key(file, selector)
    with file.open("rb") as start:
        head = start.read(_KIND + 1)
    if head.startswith(_PNG) and len(head) > _KIND and head[_DEPTH] == 16 and head[_KIND] != _GREY:
        return _deep_colours(file)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the user named the file
    try:
        with Image.open(file, formats=["PNG", "JPEG"]) as opened:
            mode = _MODES.get(opened.mode)
            shown = ImageOps.exif_transpose(opened)
            picture = np.asarray(shown if mode is None else shown.convert(mode))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    return LazyArray.of(picture, axes="YXS" if picture.ndim == 3 else "YX")


def _deep_colours(file: Path) -> LazyArray:
    """A PNG file in colours of 16 bits, of which Pillow would keep 8."""
    try:
        from imagecodecs import png_decode  # an extra
    except ImportError:
        raise UserError(
            f"{file} is a PNG of 16-bit colour, which takes imagecodecs", INSTALL
        ) from None
    picture = png_decode(file.read_bytes())
    if picture.ndim == 3 and picture.shape[2] == 2:  # grey with transparency
        picture = picture[..., 0]
    return LazyArray.of(picture, axes="YXS" if picture.ndim == 3 else "YX")
