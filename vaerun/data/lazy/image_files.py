"""Images in the user's files, numbered through from the first file to the last.

Which axes of an array count images, channels, rows and columns.
"""

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

MIN_SIDE = 8  # pixels; anything narrower is a table or an axis of channels
_COLOURS = 3
_WITH_TRANSPARENCY = 4
_CHANNELS = 16  # at most, in stacks


class ArrayAxes(NamedTuple):
    """The images of an array.

    Attributes
    ----------
    n
        Images.
    shape
        (C, H, W) of each.
    stacked
        Whether the first axis counts them.
    channel_axis
        In a stack of images; None without.
    transparent
        Whether a last channel is dropped, which is a transparency.
    """

    n: int
    shape: tuple[int, int, int]
    stacked: bool = False
    channel_axis: int | None = None
    transparent: bool = False

    def images(self, part: Array) -> Array:
        """Some of the images, or the only one, from (n, …) to (n, C, H, W)."""
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
    """The layout of an array; None if it is none of images.

    Parameters
    ----------
    shape
        (H, W), (N, H, W), or with few channels last or first (H, W, C), (N, H, W, C),
        (N, C, H, W).
    colour_axis
        That of colours, where the format tells it.
    alone
        Whether the file is the only one. Of several, each that has (3, H, W) holds one image in
        colour; alone it would be a stack.
    """
    if len(shape) == 2:
        layout = ArrayAxes(1, (1, shape[0], shape[1]))
    elif len(shape) == 3:
        layout = _of_three(shape, colour_axis, alone)
    elif len(shape) == 4:
        axis = colour_axis or _channel_axis(shape)
        if axis is None:
            return None
        layout = _in_channels(shape, axis, stacked=True)
    else:
        return None
    return layout if layout.n and min(layout.shape[1:]) >= MIN_SIDE else None


def _of_three(shape: tuple[int, ...], colour_axis: int | None, alone: bool) -> ArrayAxes:
    if colour_axis == 2 or shape[2] <= _WITH_TRANSPARENCY < min(shape[:2]):
        return _in_channels((1, *shape), 3, stacked=False)
    if not alone and shape[0] == _COLOURS:
        return _in_channels((1, *shape), 1, stacked=False)
    return ArrayAxes(shape[0], (1, shape[1], shape[2]), stacked=True)


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """Of (N, C, H, W) or (N, H, W, C): the one that is narrow, the narrower of two."""
    _, second, third, last = shape
    few = {3: (last, min(second, third)), 1: (second, min(third, last))}
    narrow = [axis for axis, (n, side) in few.items() if n <= _CHANNELS and n < side]
    return min(narrow, key=lambda axis: few[axis][0], default=None)


def _in_channels(shape: tuple[int, ...], axis: int, stacked: bool) -> ArrayAxes:
    sides = [side for i, side in enumerate(shape) if i not in (0, axis)]
    transparent = axis == 3 and shape[axis] == _WITH_TRANSPARENCY
    channels = shape[axis] - transparent
    return ArrayAxes(shape[0], (channels, sides[0], sides[1]), stacked, axis, transparent)


# N images in all.

Ints = npt.NDArray[np.int64]

_SHELF = 256 * 2**20  # bytes of files that are kept once read, where they are read as a whole
_GAP = 2**20  # bytes that are read along, rather than read what is on either side of them


class ImageFile(NamedTuple):
    """A file, the type of its numbers, and how its images lie in it."""

    file: Path
    dtype: np.dtype[Any]
    layout: ArrayAxes


@dataclass(eq=False)
class ImageFiles:
    """Files of images; of those that can be read in parts, only what is asked for is.

    Attributes
    ----------
    entries
        The files.
    wanted
        Which array of them.
    skipped
        Files that were left out, since they cannot be read.
    """

    entries: Sequence[ImageFile]
    wanted: ArraySelector
    skipped: Sequence[Path] = ()
    _shelf: OrderedDict[int, LazyArray] = field(default_factory=OrderedDict)
    _filled: int = 0

    @classmethod
    def scan(cls, files: Sequence[Path], key: str | None, skip_unreadable: bool) -> "ImageFiles":
        """Look into every file.

        Raises
        ------
        UserError
            If one holds no images, or cannot be read and is not to be skipped.
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
                    mend = "leave it out, or skip such files by data.skip_unreadable=true"
                    raise UserError(error.what, mend) from None
                skipped.append(file)
                continue
            entries.append(_entry(file, stored, alone=len(files) == 1))
            source._keep(len(entries) - 1, stored)
        if fault is not None and not entries:
            raise fault
        source.entries, source.skipped = entries, skipped
        return source

    @classmethod
    def of(cls, file: Path, stored: LazyArray) -> "ImageFiles":
        """A single file whose images are (N, C, H, W), opened already."""
        n, *image = stored.shape
        layout = ArrayAxes(n, (image[0], image[1], image[2]), stacked=True, channel_axis=1)
        source = cls(entries=[ImageFile(file, stored.dtype, layout)], wanted=ArraySelector())
        source._keep(0, stored)
        return source

    @cached_property
    def ends(self) -> Ints:
        """Number of the image that follows the last of each file."""
        return np.cumsum([entry.layout.n for entry in self.entries])

    @property
    def types(self) -> set[np.dtype[Any]]:
        """Of the numbers in all files."""
        return {entry.dtype for entry in self.entries}

    def __len__(self) -> int:
        return int(self.ends[-1])

    def groups(self, rows: Ints) -> Iterator[tuple[Ints, ImageFile, Array]]:
        """Images at some positions, file by file.

        Yields
        ------
        tuple[Ints, Entry, Array]
            Where in ``rows`` these images stand (n,), their file, and what is in it (n, C, H, W).
        """
        order = np.argsort(rows, kind="stable")
        number = np.searchsorted(self.ends, rows[order], side="right")
        for at in np.unique(number).tolist():
            some = order[slice(*np.searchsorted(number, [at, at + 1]))]
            entry = self.entries[at]
            first = self.ends[at] - entry.layout.n
            yield some, entry, self._images(at, rows[some] - first)

    def digest(self) -> npt.NDArray[np.uint8]:
        """What tells these files from others, whatever their names, (32,)."""
        whole = hashlib.sha256()
        for entry in self.entries:
            with entry.file.open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "sha256").digest())
        return np.frombuffer(whole.digest(), np.uint8).copy()

    def _images(self, number: int, rows: Ints) -> Array:
        """Images of a file at positions in rising order, (n, C, H, W)."""
        layout, stored = self.entries[number].layout, self._stored(number)
        if not layout.stacked:
            return layout.images(stored.read(...))[rows]
        row_bytes = max(stored.dtype.itemsize * int(np.prod(stored.shape[1:])), 1)
        breaks = np.flatnonzero(np.diff(rows) > max(_GAP // row_bytes, 1)) + 1
        parts = [_read(stored, block) for block in np.split(rows, breaks)]
        return layout.images(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def _stored(self, number: int) -> LazyArray:
        if number not in self._shelf:
            self._keep(number, open_array(self.entries[number].file, self.wanted))
        self._shelf.move_to_end(number)
        return self._shelf[number]

    def _keep(self, number: int, stored: LazyArray) -> None:
        """Put a file on the shelf; those that were looked at longest ago make room."""
        self._shelf[number] = stored
        self._filled += stored.memory
        while self._filled > _SHELF and len(self._shelf) > 1:
            self._filled -= self._shelf.popitem(last=False)[1].memory


def _read(stored: LazyArray, rows: Ints) -> Array:
    """What stands at positions in rising order, (n, …), all between read along."""
    first, end = rows[0], rows[-1] + 1
    part = stored.read(slice(first, end))
    return part if np.array_equal(rows, np.arange(first, end)) else part[rows - first]


def _entry(file: Path, stored: LazyArray, alone: bool) -> ImageFile:
    if stored.dtype.kind not in "biuf":
        kind = "complex numbers" if stored.dtype.kind == "c" else f"values of type {stored.dtype}"
        raise UserError(f"{file} holds {kind}", "give real intensities, such as the modulus")
    layout = recognise_axes(stored.shape, stored.colour_axis, alone)
    if layout is None:
        what = f"{file} holds an array of shape {stored.shape}"
        mend = (
            "give (images, rows, columns), or with few channels (images, rows, columns, channels) "
            f"or (images, channels, rows, columns), {MIN_SIDE} pixels or more a side"
        )
        raise UserError(what, mend)
    return ImageFile(file, stored.dtype, layout)
