"""Reader of Zeiss's .czi files through czifile, of the extra ``formats``."""

import math
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from vaerun.data.io.faults import read_by
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, Unreadable, refuse_key
from vaerun.data.io.pixel_size import PixelSize
from vaerun.utils.errors import UserError

_COLOURS = (3, 4)
_MOST_EMPTY = 1000  # numbers for each of a tile; slides have few tiles far apart


def open_czi(file: Path, selector: ArraySelector) -> LazyArray:
    """All images of a file at full resolution; tiles of a mosaic are joined."""
    try:
        import czifile
    except ImportError:
        what = f"{file} takes czifile, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    refuse_key(file, selector)
    with read_by("czifile", file), warnings.catch_warnings(), czifile.CziFile(str(file)) as opened:
        warnings.simplefilter("error")  # of what it would go without
        tiles = opened.filtered_subblock_directory
        opened.filtered_subblock_directory = [tile for tile in tiles if not tile.pyramid_type]
        _check_size(opened, file)
        images = opened.asarray(max_workers=1)
        size, letters = _pixel_size(opened.metadata()), opened.axes[:-1]
    if images.shape[-1] not in _COLOURS:
        images = images[..., 0]
    else:
        letters += "0"
    axes = "".join(_letter(letter) for letter in letters)
    return LazyArray.of(images, size.nm, axes, aspect=size.aspect)


def _check_size(opened: Any, file: Path) -> None:
    """Raise `Unreadable` if tiles fill next to nothing, as where a number is wrong."""
    tiles = sum(math.prod(tile.stored_shape) for tile in opened.filtered_subblock_directory)
    if math.prod(opened.shape) > _MOST_EMPTY * tiles:
        what = f"{file} cannot be read: it names images {opened.shape}, far larger than its tiles"
        raise Unreadable(what, "leave it out, or put a good copy there")


def _letter(letter: str) -> str:
    """Our letter of an axis: S counts scenes there, and 0 colours."""
    return letter if letter in "YXC" else "S" if letter == "0" else "N"


def _pixel_size(xml: Any) -> PixelSize:
    """Size of a pixel by the metadata, which have it in metres."""
    try:
        root = ElementTree.fromstring(xml or "<none/>")
    except ElementTree.ParseError:
        return PixelSize()
    steps = {one.get("Id"): one.findtext("Value") for one in root.iter("Distance")}
    return PixelSize.of(steps.get("Y"), steps.get("X"), "m", "m")
