"""Reader of pictures (PNG, JPEG, BMP, GIF, WebP, …), as any viewer shows them."""

from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.compression import INSTALL
from vaerun.data.io.lazy_array import Array, ArraySelector, LazyArray, refuse_key
from vaerun.utils.errors import UserError

# Pillow's name of a format by the ending of its files.
PICTURES = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF",
    ".webp": "WEBP", ".jp2": "JPEG2000", ".pgm": "PPM", ".ppm": "PPM",
}  # fmt: skip

_MOVING = ("GIF", "PNG", "WEBP")  # of others further pictures are previews

# Pillow modes that are neither intensities nor RGB, and the mode they are converted to
_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "L", "La": "L"}
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH, _KIND = 24, 25  # bytes of a PNG file with the bits of a number, and the kind of colour
_GREY = 0


def open_picture(file: Path, selector: ArraySelector) -> LazyArray:
    """The image of a file, (H, W) or (H, W, colours), turned as its EXIF says.

    Frames of a moving picture are a stack.
    """
    from PIL import Image, ImageSequence  # slow to import

    refuse_key(file, selector)
    with file.open("rb") as start:
        head = start.read(_KIND + 1)
    if head.startswith(_PNG) and len(head) > _KIND and head[_DEPTH] == 16 and head[_KIND] != _GREY:
        return _deep_colours(file)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the user named the file
    try:
        with Image.open(file, formats=sorted(set(PICTURES.values()))) as opened:
            moves = opened.format in _MOVING and getattr(opened, "n_frames", 1) > 1
            frames = [
                _shown(one) for one in (ImageSequence.Iterator(opened) if moves else [opened])
            ]
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if moves and all(one.ndim == 2 or (one == one[..., :1]).all() for one in frames):
        frames = [one if one.ndim == 2 else one[..., 0] for one in frames]
    letters = "YXS" if frames[0].ndim == 3 else "YX"
    if not moves:
        return LazyArray.of(frames[0], axes=letters)
    return LazyArray.of(np.stack(frames), axes=f"N{letters}")


def _shown(picture: Any) -> Array:
    """A frame of a picture, turned as its EXIF says, in greys or in RGB."""
    from PIL import ImageOps

    mode = _MODES.get(picture.mode)
    shown = ImageOps.exif_transpose(picture)
    return np.asarray(shown if mode is None else shown.convert(mode))


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
