"""Reader of TIFF files: OME, ImageJ and plain ones, with the axes and series that they name."""

import contextlib
import logging
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    listed,
    sizes_of_items,
)
from vaerun.data.io.pixel_size import PixelSize, imagej_pixel_size, ome_pixel_sizes
from vaerun.data.io.tiff_display import as_shown
from vaerun.utils.errors import UserError

_IMAGES = re.compile(r"^images=(\d+)\s*$", re.MULTILINE)  # in ImageJ's description

# What tifffile logs, and no more, when pages of a file cannot be found.
_PAGES_LOST = re.compile(
    "invalid page offset|corrupted tag list|circular reference|failed to reshape|data are zeroed"
)


def open_tiff(file: Path, selector: ArraySelector) -> LazyArray:
    """The images of a TIFF file: its largest series, together with all series like it."""
    import tifffile  # slow to import

    with _whole(file), tifffile.TiffFile(file) as opened:
        parts = _parts_elsewhere(opened.ome_metadata, file)
        if not parts or selector.alone:
            return _read(opened, file, selector, parts)
    with (
        _whole(file),
        tifffile.TiffFile(file, is_ome=False) as opened,
    ):  # the other parts are read by themselves
        return _read(opened, file, selector, [])


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[None]:
    """Raise `Unreadable` if tifffile logs that pages are lost, which it then goes without."""
    lost: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        words = record.getMessage()
        if _PAGES_LOST.search(words):
            lost.append(" ".join(words.split()))
        return False

    log = logging.getLogger("tifffile")
    log.addFilter(note)
    try:
        yield
    finally:
        log.removeFilter(note)
    if lost:
        what = f"{file} cannot be read completely ({lost[0][:120]})"
        raise Unreadable(what, "leave it out, or put a good copy there")


def _read(opened: Any, file: Path, selector: ArraySelector, parts: Sequence[str]) -> LazyArray:
    missing = [name for name in parts if not (file.parent / name).exists()]
    if missing:
        what = f"{file} is a part of a set of {len(parts) + 1} files, of which {listed(missing)}"
        raise UserError(f"{what} is not there", "put it back, or name the parts by a pattern")
    _check_count(opened, file)
    chosen, notes = _chosen(opened.series, file, selector)
    _check_size(chosen[0].keyframe, file)
    arrays = [series.asarray() for series in chosen]
    images = arrays[0] if len(arrays) == 1 else np.stack(arrays)
    axes = chosen[0].axes if len(arrays) == 1 else f"N{chosen[0].axes}"
    page = chosen[0].keyframe
    images, axes, shown = as_shown(images, axes, page, imagej=opened.is_imagej)
    sizes = _pixel_sizes(opened)
    numbers = [opened.series.index(one) for one in chosen]
    some = [sizes[number] if len(sizes) == len(opened.series) else sizes[0] for number in numbers]
    stored = LazyArray.of(
        images,
        some[0].nm,
        _believed(axes, images, selector),
        [*notes, *shown],
        aspect=some[0].aspect,
    )
    return replace(stored, sizes_nm=sizes_of_items([one.nm for one in some], [1] * len(some)))


def _pixel_sizes(opened: Any) -> list[PixelSize]:
    """Size of the pixels of each series, or of all of them."""
    sizes = ome_pixel_sizes(opened.ome_metadata)
    tags = opened.pages.first.tags
    rows, columns = (tags.valueof(name) for name in ("YResolution", "XResolution"))
    return sizes or [imagej_pixel_size(opened.imagej_metadata, rows, columns)]


def _check_count(opened: Any, file: Path) -> None:
    """Raise `Unreadable` if ImageJ's description and the pages count different images."""
    stated = _IMAGES.search(opened.pages.first.description) if opened.is_imagej else None
    if stated is None:
        return
    n, n_pages = int(stated[1]), len(opened.pages)
    n_read = sum(len(series) for series in opened.series)
    # of a stack above 4 GB ImageJ writes one page only, and the numbers of all images behind it
    if n != n_pages > 1 or n != n_read:
        has = n_pages if n != n_pages > 1 else n_read
        what = f"{file} says that it holds {n} images, and has {has} that can be read"
        raise Unreadable(what, "leave it out, or put a good copy there")


def _check_size(page: Any, file: Path) -> None:
    """Raise `Unreadable` for a page without compression that is larger than its file."""
    bits = math.prod(page.shape) * max(page.bitspersample, 1)
    if page.compression == 1 and not page.is_tiled and bits > 8 * file.stat().st_size:
        what = f"{file} cannot be read: it names a page of {page.shape}, larger than itself"
        raise Unreadable(what, "leave it out, or put a good copy there")


def _chosen(
    series: Sequence[Any], file: Path, selector: ArraySelector
) -> tuple[Sequence[Any], list[str]]:
    """Series of the largest total size that are alike, or the one of a number; and notes."""
    if not series:
        raise UserError(f"{file} holds no image", "give a file with images in it")
    if (key := selector.key) is not None:
        if len(series) == 1:
            what = f"data.key={key} has no meaning for {file}, which holds a single array"
            raise UserError(what, "leave it out")
        if not (key.isdecimal() and int(key) < len(series)):
            what = f"data.key={key} is no series of {file}, which holds {len(series)}"
            raise UserError(what, f"give the number of one, from 0 to {len(series) - 1}")
        return [series[int(key)]], []
    alike: dict[Any, list[Any]] = {}
    for one in series:
        alike.setdefault((one.shape, one.axes, str(one.dtype)), []).append(one)
    best = max(alike.values(), key=lambda group: sum(one.size for one in group))
    notes = []
    if len(best) > 1:
        notes.append(f"{file.name}: {len(best)} series of one shape are one stack")
    if len(best) < len(series):
        others = [
            f"{'×'.join(map(str, group[0].shape))} of {group[0].dtype}"
            for group in alike.values()
            if group is not best
        ]
        notes.append(
            f"{file.name}: {len(best)} of {len(series)} series read, of "
            f"{'×'.join(map(str, best[0].shape))}; left out: {listed(others)} "
            "(data.key=0 names one by its number)"
        )
    return best, notes


def _believed(axes: str, images: Array, selector: ArraySelector) -> str | None:
    """The named axes; None where the file only counts them and they cannot be rows and columns.

    A file without metadata has pages of the last two axes, whatever these are.
    """
    if len(axes) != images.ndim or axes.count("Y") != 1 or axes.count("X") != 1:
        return None
    sides = [images.shape[axes.index(letter)] for letter in "YX"]
    if "Q" in axes and min(sides) < selector.min_side:
        return None
    return axes


def _parts_elsewhere(xml: str | None, file: Path) -> list[str]:
    """Names of the other files of a set that OME metadata name."""
    names = set(re.findall(r'FileName="([^"]+)"', xml or ""))
    return sorted(names - {file.name}) if len(names) > 1 else []
