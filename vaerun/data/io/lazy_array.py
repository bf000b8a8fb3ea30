"""An array in a file that is read in parts, and the choice among several arrays of a file."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.data.curve_axis import CurveAxis
from vaerun.microscopy.frame import SAME_SIZE
from vaerun.utils.errors import UserError, closest

Array = npt.NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]

NUMERIC = "biufc"  # numpy kinds of numbers
_WHOLE = 2**53  # up to here a double holds every whole number
_MOST_VALUES = 3  # of a fact, such as the size of a pixel
_MOST_NAMES = 6  # of data sets in a message


class Unreadable(UserError):
    """The file is broken, or holds Python objects."""


class ArraySelector(NamedTuple):
    """The choice of one array of a file, and what is known of its axes.

    Attributes
    ----------
    key
        Name of the array; None: the largest with two axes of ``min_side`` or more.
    min_side
        Pixels; a shorter axis belongs to a table or to colours.
    stacks
        Whether arrays of three or more axes are preferred to larger ones of two.
    axes
        A letter for each axis, as in `vaerun.data.io.axes`; None: those that the file names.
    alone
        Whether this is the only file. An array (3, H, W) in one of several files is a colour
        image; in a single file it is a stack of three images.
    curves
        Whether curves are wanted, whose points are the last axis.
    """

    key: str | None = None
    min_side: int = 16
    stacks: bool = False
    axes: str | None = None
    alone: bool = True
    curves: bool = False


@dataclass(frozen=True, kw_only=True)
class LazyArray:
    """An array in a file, read in parts.

    Attributes
    ----------
    shape, dtype
        Of the array in the file.
    read
        Function of a slice along the first axis, a tuple of slices, or ``...``, that returns
        that part.
    pixel_nm
        Width of a pixel in nm; None if the file does not contain it.
    aspect
        Height of a pixel over its width; 1 if the file does not contain it.
    sizes_nm
        Width of a pixel for each item along the first axis, where they differ.
    axes
        A letter for each axis, as in `vaerun.data.io.axes`; None if the file names none.
    memory
        Bytes in use as long as this object exists; most formats are read completely.
    notes
        What the user should know about the file, such as arrays that are left out.
    has_gaps
        Whether the file says that parts of it were never written.
    sources
        Other files that hold the numbers, which links in this one lead to.
    curve_axis
        Axis of the points of curves; None if the file does not say.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[Any], Array]
    pixel_nm: float | None = None
    aspect: float = 1.0
    sizes_nm: tuple[float | None, ...] = ()
    axes: str | None = None
    memory: int = 0
    notes: tuple[str, ...] = ()
    has_gaps: bool = False
    sources: tuple[Path, ...] = ()
    curve_axis: CurveAxis | None = None

    @classmethod
    def of(
        cls,
        array: Array,
        pixel_nm: float | None = None,
        axes: str | None = None,
        notes: Sequence[str] = (),
        *,
        aspect: float = 1.0,
    ) -> "LazyArray":
        """An array that has been read completely."""
        return cls(
            shape=array.shape,
            dtype=array.dtype,
            read=array.__getitem__,
            pixel_nm=pixel_nm,
            aspect=aspect,
            axes=axes,
            memory=array.nbytes,
            notes=tuple(notes),
        )


def select_array(shapes: Shapes, file: Path, selector: ArraySelector) -> str:
    """The name of the selected array, among arrays of these shapes.

    Raises
    ------
    UserError
        If there is no such array, no image, or several of the largest size.
    """
    if (key := selector.key) is not None:
        if (name := key.strip("/")) in shapes:
            return name
        hint = f"did you mean data.key={closest(key, shapes)}" if shapes else "give another file"
        raise UserError(f"data.key={key} is no array of numbers in {file}", hint)
    sizes = {
        name: (selector.stacks and len(shape) > 2, math.prod(shape))
        for name, shape in shapes.items()
        if is_image(shape, selector)
    }
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if not largest and selector.curves:
        raise UserError(f"{file} holds no curves", "give arrays (curves, points) or maps of them")
    if not largest:
        raise UserError(f"{file} holds no image", "give a file with images in it")
    if len(largest) > 1:
        kind = "arrays of curves" if selector.curves else "images"
        what = f"{file} holds several {kind} of the same size: {listed(largest)}"
        raise UserError(what, f"choose one by data.key={largest[0]}")
    return largest[0]


def is_image(shape: tuple[int, ...], selector: ArraySelector) -> bool:
    """Whether an array of this shape may hold images."""
    return sum(side >= selector.min_side for side in shape) >= 2


def listed(names: Sequence[object], most: int = _MOST_NAMES) -> str:
    """The first few names, as text."""
    return ", ".join(map(str, names[:most])) + (", …" if len(names) > most else "")


def stacked(parts: Sequence[LazyArray], notes: Sequence[str] = ()) -> LazyArray:
    """Arrays of images (n, H, W) or single images (H, W), one after the other along one axis."""
    first = parts[0]
    is_single = len(first.shape) == 2
    lengths = [1 if is_single else part.shape[0] for part in parts]
    ends = np.cumsum(lengths)
    shape = (int(ends[-1]), *(first.shape if is_single else first.shape[1:]))
    axes = first.axes if first.axes is None or not is_single else f"N{first.axes}"

    def read(index: Any) -> Array:
        if index is ...:
            index = slice(None)
        lead, *rest = index if isinstance(index, tuple) else (index,)
        begin, end, _ = lead.indices(shape[0])
        found = []
        for part, n, last in zip(parts, lengths, ends.tolist(), strict=True):
            low, high = max(begin - (last - n), 0), min(end - (last - n), n)
            if low < high and is_single:
                found.append(part.read(tuple(rest) if rest else ...)[None])
            elif low < high:
                found.append(part.read((slice(low, high), *rest)))
        return np.concatenate(found) if found else np.empty((0, *shape[1:]), first.dtype)

    return LazyArray(
        shape=shape,
        dtype=first.dtype,
        read=read,
        pixel_nm=first.pixel_nm,
        aspect=first.aspect,
        sizes_nm=sizes_of_items([part.pixel_nm for part in parts], lengths),
        axes=axes,
        memory=sum(part.memory for part in parts),
        notes=(*notes, *(note for part in parts for note in part.notes)),
        has_gaps=any(part.has_gaps for part in parts),
        sources=tuple(source for part in parts for source in part.sources),
    )


def sizes_of_items(
    sizes_nm: Sequence[float | None], lengths: Sequence[int]
) -> tuple[float | None, ...]:
    """The pixel size of each item of parts of these lengths; empty if all have the same."""
    known = [size for size in sizes_nm if size is not None]
    if not known or (len(known) == len(sizes_nm) and max(known) <= SAME_SIZE * min(known)):
        return ()
    return tuple(size for size, n in zip(sizes_nm, lengths, strict=True) for _ in range(n))


def refuse_key(file: Path, selector: ArraySelector) -> None:
    """Raise a `UserError` if a file of a single array is given the name of one."""
    if selector.key is not None:
        what = f"data.key={selector.key} has no meaning for {file}, which holds a single array"
        raise UserError(what, "leave it out")


def image_width(shape: tuple[int, ...]) -> int:
    """Columns of the images in an array: its last axis that is longer than 1."""
    return next((side for side in reversed(shape) if side > 1), 1)


def single_values(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are a single value, or an array of one to three."""
    items = {key: np.asarray(value) for key, value in facts.items()}
    return {
        key: array.item() if array.size == 1 else array
        for key, array in items.items()
        if 1 <= array.size <= _MOST_VALUES
    }


def check_real(stored: LazyArray, file: Path) -> None:
    """Raise a `UserError` unless an array holds real numbers."""
    if stored.dtype.kind not in "biuf":
        if stored.dtype.kind == "c":
            raise UserError(f"{file} holds complex numbers", "give real ones, such as the modulus")
        what = f"{file} holds values of type {stored.dtype}"
        raise UserError(what, "save intensities as plain numbers")


def n_inexact(numbers: Array, measured: npt.NDArray[np.bool_] | None = None) -> int:
    """How many of some measured numbers are whole ones beyond 2⁵³, which a double rounds."""
    if numbers.dtype.kind not in "iu" or numbers.dtype.itemsize < 8:
        return 0
    beyond = numbers > _WHOLE
    if numbers.dtype.kind == "i":
        beyond |= numbers < -_WHOLE
    return int((beyond if measured is None else beyond & measured).sum())


def inexact(n: int) -> str:
    """A warning of so many numbers."""
    return (
        f"{n:,} pixels are whole numbers beyond {_WHOLE:,}, which double precision rounds: where "
        "small differences count, subtract what they have in common and save them again"
    )


def without_parts(
    opened: Sequence[tuple[Path, LazyArray]],
) -> tuple[list[tuple[Path, LazyArray]], list[str]]:
    """Files without those whose images another one links to, so that each counts once; a note."""
    linked = {source for _, stored in opened for source in stored.sources}
    kept = [(file, stored) for file, stored in opened if file.resolve() not in linked]
    left_out = len(opened) - len(kept)
    if not left_out or not kept:
        return list(opened), []
    masters = [file.name for file, stored in kept if stored.sources]
    return kept, [f"{left_out} file(s) are read through {listed(masters)}, and count once"]
