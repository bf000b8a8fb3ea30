"""Images in the user's files, numbered from the first file to the last."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.data.io.axes import ArrayAxes, assumption, axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    check_real,
    without_parts,
)
from vaerun.utils.errors import UserError

# N images in all files, n of them; C channels, H × W pixels each.

MIN_SIDE = 8  # pixels; a narrower array is a table, a narrower axis counts channels
_CACHE = 256 * 2**20  # bytes of files that cannot be read in parts and stay in memory
_GAP = 2**20  # bytes between two images that are read along, since a further read takes longer

Ints = npt.NDArray[np.int64]


class ImageFile(NamedTuple):
    """Path of a file, type of its numbers, axes and shape of its array, and of its pixels.

    Attributes
    ----------
    pixel_nm, aspect, sizes_nm
        As in `LazyArray`.
    """

    file: Path
    dtype: np.dtype[Any]
    axes: ArrayAxes
    array_shape: tuple[int, ...]
    pixel_nm: float | None = None
    aspect: float = 1.0
    sizes_nm: tuple[float | None, ...] = ()

    @property
    def sides_nm(self) -> tuple[float, float] | None:
        """Height and width of a pixel in nm; None if unknown."""
        return None if self.pixel_nm is None else (self.aspect * self.pixel_nm, self.pixel_nm)


@dataclass(eq=False)
class ImageFiles:
    """Files of images, read in parts where their format allows it."""

    entries: Sequence[ImageFile]
    wanted: ArraySelector  # which array of each file holds the images
    skipped: Sequence[Path] = ()  # unreadable files that were left out
    notes: Sequence[str] = ()  # what the user should know about the files
    _opened: OrderedDict[int, LazyArray] = field(default_factory=OrderedDict)
    _n_bytes: int = 0

    @classmethod
    def scan(
        cls, files: Sequence[Path], selector: ArraySelector, skip_unreadable: bool
    ) -> "ImageFiles":
        """Open every file and determine the axes of its array.

        Files whose images are read through links in another one are left out.

        Raises
        ------
        UserError
            If a file holds no images, or cannot be read and is not to be skipped.
        """
        source = cls(entries=[], wanted=selector._replace(alone=len(files) == 1))
        skipped: list[Path] = []
        fault: Unreadable | None = None
        opened: list[tuple[Path, LazyArray]] = []
        held = 0
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
            opened.append((file, stored if held < _CACHE else replace(stored, read=_closed)))
            held += stored.memory
        if fault is not None and not opened:
            raise fault
        opened, notes = without_parts(opened)
        entries = [_entry(file, stored, source.wanted) for file, stored in opened]
        for i, (_, stored) in enumerate(opened):
            if stored.read is not _closed:
                source._cache(i, stored)
        source.entries, source.skipped = entries, skipped
        source.notes = list(dict.fromkeys([*notes, *_notes(opened, entries)]))
        return source

    @classmethod
    def of(cls, file: Path, stored: LazyArray) -> "ImageFiles":
        """Source of a single file whose array, already opened, is (N, C, H, W)."""
        n, *image = stored.shape
        axes = ArrayAxes("NCYX", n, (image[0], image[1], image[2]))
        source = cls(
            entries=[ImageFile(file, stored.dtype, axes, stored.shape)], wanted=ArraySelector()
        )
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
            for file in _files_of(entry.file):
                with file.open("rb") as opened:
                    digest.update(hashlib.file_digest(opened, "sha256").digest())
        return np.frombuffer(digest.digest(), np.uint8).copy()

    def _images(self, number: int, rows: Ints) -> Array:
        """Images of a file at ascending positions, (n, C, H, W)."""
        axes, stored = self.entries[number].axes, self._open(number)
        row_bytes = max(stored.dtype.itemsize * math.prod(stored.shape) // max(axes.n, 1), 1)
        breaks = np.flatnonzero(np.diff(rows) > max(_GAP // row_bytes, 1)) + 1
        parts = [_read(stored, axes, block) for block in np.split(rows, breaks)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

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


def _read(stored: LazyArray, axes: ArrayAxes, rows: Ints) -> Array:
    """Images at ascending positions, (n, …), in one read that includes what is between them."""
    first, end = int(rows[0]), int(rows[-1]) + 1
    part = images(stored, axes, first, end)
    return part if np.array_equal(rows, np.arange(first, end)) else part[rows - first]


def _closed(_: Any) -> Array:
    """Stands for the content of a file that is read again when it is needed."""
    raise AssertionError


def _files_of(path: Path) -> list[Path]:
    """A file, or the files of a folder that counts as one."""
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def _entry(file: Path, stored: LazyArray, selector: ArraySelector) -> ImageFile:
    check_real(stored, file)
    axes = axes_of(stored, file, selector, frames=False)
    pixel = stored.pixel_nm, stored.aspect, stored.sizes_nm
    return ImageFile(file, stored.dtype, axes, stored.shape, *pixel)


def _notes(
    opened: Sequence[tuple[Path, LazyArray]], entries: Sequence[ImageFile]
) -> Iterator[str]:
    """What the files say, and what was assumed of their axes."""
    for (file, stored), entry in zip(opened, entries, strict=True):
        yield from stored.notes
        if (assumed := assumption(stored.shape, entry.axes)) is not None:
            yield f"{file.name}: {assumed}" if len(entries) == 1 else assumed
