"""Reader of pictures (PNG, JPEG, BMP, GIF, WebP, …), as any viewer shows them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.compression import INSTALL
from vaerun.data.io.lazy_array import Array, ArraySelector, LazyArray, Unreadable, refuse_key
from vaerun.utils.errors import UserError

# Pillow's name of a format by the ending of its files.
PICTURES = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".bmp": "BMP", ".gif": "GIF",
    ".webp": "WEBP", ".jp2": "JPEG2000", ".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM",
}  # fmt: skip

_MOVING = ("GIF", "PNG", "WEBP")  # of others further pictures are previews

# Pillow modes that are neither intensities nor RGB, and the mode they are converted to
_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "L", "La": "L"}
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH, _KIND = 24, 25  # bytes of a PNG file with the bits of a number, and the kind of colour
_GREY = 0
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B  # first bytes of blocks
_MOST_PACKED = 4096  # numbers that a byte of a file stands for


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
        known = sorted(set(PICTURES.values()))
        with Image.open(file, formats=known) as opened:
            moves = opened.format in _MOVING and getattr(opened, "n_frames", 1) > 1
            if moves:
                _check_size(opened, file)
            sequence = ImageSequence.Iterator(opened) if moves else [opened]
            frames = [_shown(one) for one in _of_one_size(sequence, opened.size, file)]
        if opened.format == "GIF" and not _is_whole_gif(file.read_bytes()):
            what = f"{file} cannot be read: bytes are lost or added after {len(frames)} frames"
            raise Unreadable(what, "leave it out, or put a good copy there")
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if moves and all(one.ndim == 2 or (one == one[..., :1]).all() for one in frames):
        frames = [one if one.ndim == 2 else one[..., 0] for one in frames]
    letters = "YXS" if frames[0].ndim == 3 else "YX"
    if not moves:
        return LazyArray.of(frames[0], axes=letters)
    return LazyArray.of(np.stack(frames), axes=f"N{letters}")


def _check_size(opened: Any, file: Path) -> None:
    """Raise `Unreadable` if a moving picture is larger than any compression makes it."""
    columns, rows = opened.size
    if opened.n_frames * columns * rows > _MOST_PACKED * file.stat().st_size:
        what = f"{file} cannot be read: it names {opened.n_frames} frames of {rows}×{columns}"
        raise Unreadable(what, "leave it out, or put a good copy there")


def _is_whole_gif(raw: bytes) -> bool:
    """Whether a GIF file is nothing but blocks up to its end; Pillow passes over what is none."""
    at = 13 + _palette(raw[10])
    try:
        while raw[at] != _GIF_END:
            if raw[at] == _GIF_IMAGE:
                at += 11 + _palette(raw[at + 9])
            elif raw[at] == _GIF_EXTENSION:
                at += 2
            else:
                return False
            while raw[at]:
                at += 1 + raw[at]
            at += 1
    except IndexError:
        return False
    return True


def _palette(flags: int) -> int:
    """Bytes of the colours that a block of a GIF file says it has."""
    return 3 * 2 ** (1 + flags % 8) if flags & 128 else 0


def _of_one_size(frames: Iterable[Any], size: tuple[int, int], file: Path) -> Iterator[Any]:
    """The frames; `Unreadable` if one goes beyond the others, as where a number is wrong."""
    for frame in frames:
        if frame.size != size:
            what = f"{file} cannot be read: its frames are {size} and {frame.size} pixels large"
            raise Unreadable(what, "leave it out, or put a good copy there")
        yield frame


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
