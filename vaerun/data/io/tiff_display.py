"""TIFF images as a viewer shows them: turned, bright where they are bright, in their colours."""

from typing import Any

import numpy as np

from vaerun.data.io.lazy_array import Array

_COLOUR_MODELS = ("RGB", "YCBCR", "PALETTE", "MINISWHITE", "MINISBLACK")
_ORIENTATION = "Orientation"
# By the tag's number: whether rows and columns change places, and which are then reversed.
_TURNS = {
    2: (False, "X"), 3: (False, "YX"), 4: (False, "Y"),
    5: (True, ""), 6: (True, "X"), 7: (True, "YX"), 8: (True, "Y"),
}  # fmt: skip
_EIGHT_BITS = 256


def as_shown(images: Array, axes: str, page: Any, *, imagej: bool) -> tuple[Array, str, list[str]]:
    """Images of a TIFF series as a viewer shows them.

    Parameters
    ----------
    images
        The numbers of a series.
    axes
        A letter for each axis, as tifffile names them; S counts the samples of a pixel.
    page
        Its first page, from tifffile.
    imagej
        Whether ImageJ wrote it, whose palettes are false colours of measured numbers.

    Returns
    -------
    tuple[Array, str, list[str]]
        The images, their axes, and what was done to them.
    """
    notes = []
    photometric = getattr(page.photometric, "name", "")
    if photometric == "PALETTE" and page.colormap is not None:
        if imagej:
            notes.append("false colours of ImageJ are left out: the numbers behind them are read")
        else:
            images, axes = _through_palette(images, axes, page.colormap)
            notes.append("numbers are read as the colours that the file's palette gives them")
    if photometric == "MINISWHITE" and images.dtype.kind in "bu":
        images = ~images if images.dtype.kind == "b" else _largest(page, images) - images
        notes.append("the file says that 0 is white: dark and bright are exchanged")
    images, axes = _samples_last(images, axes, photometric)
    turn = _TURNS.get(page.tags.valueof(_ORIENTATION))
    if turn is not None and axes.count("Y") == axes.count("X") == 1:
        images = _turned(images, axes, *turn)
        notes.append("images are turned as the TIFF tag Orientation says")
    return images, axes, notes


def _through_palette(images: Array, axes: str, palette: Array) -> tuple[Array, str]:
    """The colours (…, 3) in 8 bits that a palette (3, n) gives numbers, or one grey."""
    eight_bits = palette if palette.max() < _EIGHT_BITS else palette // _EIGHT_BITS
    red, green, blue = eight_bits.astype(np.uint8)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red[images], axes
    return np.stack([red[images], green[images], blue[images]], axis=-1), f"{axes}S"


def _largest(page: Any, images: Array) -> Any:
    """The largest number that a page's bits can hold, in the type of the images."""
    return images.dtype.type(2**page.bitspersample - 1)


def _samples_last(images: Array, axes: str, photometric: str) -> tuple[Array, str]:
    """Samples of a pixel as the last axis; they are channels where the file means no colours."""
    if "S" not in axes:
        return images, axes
    images = np.moveaxis(images, axes.index("S"), -1)
    axes = axes.replace("S", "") + "S"
    if photometric not in _COLOUR_MODELS:
        axes = axes.replace("S", "C") if "C" not in axes else axes.replace("S", "N")
    return images, axes


def _turned(images: Array, axes: str, exchanged: bool, reversed_: str) -> Array:
    """Images whose rows and columns change places, and then run the other way."""
    if exchanged:
        images = images.swapaxes(axes.index("Y"), axes.index("X"))
    return np.flip(images, tuple(axes.index(letter) for letter in reversed_))
