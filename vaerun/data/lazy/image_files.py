"""Images in the user's files, numbered from the first file to the last; axes of their arrays."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import Array, ArraySelector, LazyArray, Unreadable
from vaerun.utils.errors import UserError

# N images in all files, n of them; C channels, H × W pixels each.

MIN_SIDE = 8  # pixels; a narrower array is a table, a narrower axis counts channels
_COLOURS = 3
_WITH_TRANSPARENCY = 4
_CHANNELS = 16  # at most, in stacks
_CACHE = 256 * 2**20  # bytes of files that cannot be read in parts and stay in memory
_GAP = 2**20  # bytes between two images that are read along, since a further read takes longer

Ints = npt.NDArray[np.int64]


class ArrayAxes(NamedTuple):
    """Number and shape of the images in an array, and what its axes count."""

    n: int
    shape: tuple[int, int, int]  # (C, H, W) of each image
    stacked: bool = False  # whether the first axis counts images
    channel_axis: int | None = None  # as in a stack of images
    transparent: bool = False  # whether the last channel is a transparency, which is dropped

    def images(self, part: Array) -> Array:
        """Images (n, C, H, W) of a part (n, …) of the array, or of an array of one image."""
        images = part if self.stacked else part[None]
        if self.channel_axis is None:
            return images[:, None]
        return np.moveaxis(images, self.channel_axis, 1)[:, : self.shape[0]]

    def __str__(self) -> str:
        if self.channel_axis is None:
            return "grey"
        dropped = ", transparency dropped" if self.transparent else ""
        return f"channels {'first' if self.channel_axis == 1 else 'last'}{dropped}"


def recognise_axes(
    shape: tuple[int, ...], colour_axis: int | None, alone: bool
) -> ArrayAxes | None:
    """Axes of an array of images; None if the array cannot be one.

    Parameters
    ----------
    shape
        (H, W), (N, H, W), or with few channels last or first (H, W, C), (N, H, W, C),
        (N, C, H, W).
    colour_axis
        Axis of the colours, if the file format defines it.
    alone
        Whether this is the only file. An array (3, H, W) in one of several files is a colour
        image; in a single file it is a stack of three images.
    """
    if len(shape) == 2:
        axes = ArrayAxes(1, (1, shape[0], shape[1]))
    elif len(shape) == 3:
        axes = _of_three(shape, colour_axis, alone)
    elif len(shape) == 4:
        axis = colour_axis or _channel_axis(shape)
        if axis is None:
            return None
        axes = _in_channels(shape, axis, stacked=True)
    else:
        return None
    return axes if axes.n and min(axes.shape[1:]) >= MIN_SIDE else None


def _of_three(shape: tuple[int, ...], colour_axis: int | None, alone: bool) -> ArrayAxes:
    if colour_axis == 2 or shape[2] <= _WITH_TRANSPARENCY < min(shape[:2]):
        return _in_channels((1, *shape), 3, stacked=False)
    if not alone and shape[0] == _COLOURS:
        return _in_channels((1, *shape), 1, stacked=False)
    return ArrayAxes(shape[0], (1, shape[1], shape[2]), stacked=True)


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """Channel axis of (N, C, H, W) or (N, H, W, C): the shorter of those short enough."""
    _, second, third, last = shape
    few = {3: (last, min(second, third)), 1: (second, min(third, last))}
    narrow = [axis for axis, (n, side) in few.items() if n <= _CHANNELS and n < side]
    return min(narrow, key=lambda axis: few[axis][0], default=None)


def _in_channels(shape: tuple[int, ...], axis: int, stacked: bool) -> ArrayAxes:
    sides = [side for i, side in enumerate(shape) if i not in (0, axis)]
    transparent = axis == 3 and shape[axis] == _WITH_TRANSPARENCY
    channels = shape[axis] - transparent
    return ArrayAxes(shape[0], (channels, sides[0], sides[1]), stacked, axis, transparent)


class ImageFile(NamedTuple):
    """Path of a file, type of its numbers, and axes of its array."""

    file: Path
    dtype: np.dtype[Any]
    axes: ArrayAxes


@dataclass(eq=False)
class ImageFiles:
    """Files of images, read in parts where their format allows it."""

    entries: Sequence[ImageFile]
    wanted: ArraySelector  # which array of each file holds the images
    skipped: Sequence[Path] = ()  # unreadable files that were left out
    _opened: OrderedDict[int, LazyArray] = field(default_factory=OrderedDict)
    _n_bytes: int = 0

    @classmethod
    def scan(cls, files: Sequence[Path], key: str | None, skip_unreadable: bool) -> "ImageFiles":
        """Open every file and recognise the axes of its array.

        Raises
        ------
        UserError
            If a file holds no images, or cannot be read and is not to be skipped.
        """
        source = cls(entries=[], wanted=ArraySelector(key, MIN_SIDE, stacks=True))
        entries: list[ImageFile] = []
        skipped: list[Path] = []
        fault: Unreadable | None = None
        for file in files:
            try:
                stored = open_array(file, source.wanted)
            except Unreadable as error:
                fault = error
                if len(files) > 1 and not skip_unreadable:
                    hint = "leave it out, or skip such files by data.skip_unreadable=true"
                    raise UserError(error.what, hint) from None
                skipped.append(file)
                continue
            entries.append(_entry(file, stored, alone=len(files) == 1))
            source._cache(len(entries) - 1, stored)
        if fault is not None and not entries:
            raise fault
        source.entries, source.skipped = entries, skipped
        return source

    @classmethod
    def of(cls, file: Path, stored: LazyArray) -> "ImageFiles":
        """Source of a single file whose array, already opened, is (N, C, H, W)."""
        n, *image = stored.shape
        axes = ArrayAxes(n, (image[0], image[1], image[2]), stacked=True, channel_axis=1)
        source = cls(entries=[ImageFile(file, stored.dtype, axes)], wanted=ArraySelector())
        source._cache(0, stored)
        return source

    @cached_property
    def ends(self) -> Ints:
        """Number of the image that follows the last of each file."""
        return np.cumsum([entry.axes.n for entry in self.entries])

    @property
    def types(self) -> set[np.dtype[Any]]:
        """Types of the numbers in the files."""
        return {entry.dtype for entry in self.entries}

    def __len__(self) -> int:
        return int(self.ends[-1])

    def groups(self, rows: Ints) -> Iterator[tuple[Ints, ImageFile, Array]]:
        """Yield the images at some positions, file by file.

        Yields
        ------
        tuple[Ints, ImageFile, Array]
            Indices into ``rows`` (n,) of the images in a file, the file, and these images
            (n, C, H, W).
        """
        order = np.argsort(rows, kind="stable")
        number = np.searchsorted(self.ends, rows[order], side="right")
        for at in np.unique(number).tolist():
            some = order[slice(*np.searchsorted(number, [at, at + 1]))]
            entry = self.entries[at]
            first = self.ends[at] - entry.axes.n
            yield some, entry, self._images(at, rows[some] - first)

    def digest(self) -> npt.NDArray[np.uint8]:
        """Digest of the content of all files, whatever their names, (32,)."""
        digest = hashlib.sha256()
        for entry in self.entries:
            with entry.file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        return np.frombuffer(digest.digest(), np.uint8).copy()

    def _images(self, number: int, rows: Ints) -> Array:
        """Images of a file at ascending positions, (n, C, H, W)."""
        axes, stored = self.entries[number].axes, self._open(number)
        if not axes.stacked:
            return axes.images(stored.read(...))[rows]
        row_bytes = max(stored.dtype.itemsize * int(np.prod(stored.shape[1:])), 1)
        breaks = np.flatnonzero(np.diff(rows) > max(_GAP // row_bytes, 1)) + 1
        parts = [_read(stored, block) for block in np.split(rows, breaks)]
        return axes.images(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def _open(self, number: int) -> LazyArray:
        if number not in self._opened:
            self._cache(number, open_array(self.entries[number].file, self.wanted))
        self._opened.move_to_end(number)
        return self._opened[number]

    def _cache(self, number: int, stored: LazyArray) -> None:
        """Keep a file open, and close the least recently used ones beyond `_CACHE` bytes."""
        self._opened[number] = stored
        self._n_bytes += stored.memory
        while self._n_bytes > _CACHE and len(self._opened) > 1:
            self._n_bytes -= self._opened.popitem(last=False)[1].memory


def _read(stored: LazyArray, rows: Ints) -> Array:
    """Images at ascending positions, (n, …), in one read that includes what is between them."""
    first, end = rows[0], rows[-1] + 1
    part = stored.read(slice(first, end))
    return part if np.array_equal(rows, np.arange(first, end)) else part[rows - first]


def _entry(file: Path, stored: LazyArray, alone: bool) -> ImageFile:
    if stored.dtype.kind not in "biuf":
        kind = "complex numbers" if stored.dtype.kind == "c" else f"values of type {stored.dtype}"
        raise UserError(f"{file} holds {kind}", "give real intensities, such as the modulus")
    axes = recognise_axes(stored.shape, stored.colour_axis, alone)
    if axes is None:
        what = f"{file} holds an array of shape {stored.shape}"
        hint = (
            "give (images, rows, columns), or with few channels (images, rows, columns, channels) "
            f"or (images, channels, rows, columns), {MIN_SIDE} pixels or more a side"
        )
        raise UserError(what, hint)
    return ImageFile(file, stored.dtype, axes)
