"""Axes of the arrays in files: which of them count images, channels, rows and columns.

A letter stands for each axis: Y rows, X columns, C channels, S colours (the fourth of which is a
transparency), and any other letter counts images: T times, Z planes, N and so on. The user's
letters (``data.axes=TZYX``) come first, then those that the file names, then what the shape
suggests, which is said.
"""

import math
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vaerun.data.io.lazy_array import Array, ArraySelector, LazyArray
from vaerun.utils.errors import UserError

# N images of C channels, H × W pixels each.

_WITH_TRANSPARENCY = 4
_COLOURS = 3
_MAY_BE_CHANNELS = 16  # an axis as short as this may count channels, which the user is asked


class ArrayAxes(NamedTuple):
    """Number and shape of the images in an array, and what its axes count."""

    letters: str  # one for each axis of the array
    n: int
    shape: tuple[int, int, int]  # (C, H, W) of each image
    transparent: bool = False  # whether the last channel is a transparency, which is dropped
    assumed: bool = False  # whether neither user nor file named the axes

    def __str__(self) -> str:
        if not any(letter in "CS" for letter in self.letters):
            return "grey"
        first = self.letters.strip("CS").find("Y") < self.letters.find("Y")
        dropped = ", transparency dropped" if self.transparent else ""
        return f"channels {'first' if first else 'last'}{dropped}"


def letter_faults(axes: str | None) -> Iterator[UserError]:
    """The fault of letters that do not name rows and columns once."""
    if axes is None:
        return
    plain = all(letter in string.ascii_uppercase for letter in axes)
    if not plain or axes.count("Y") != 1 or axes.count("X") != 1 or axes.count("C") > 1:
        yield UserError(
            f"data.axes={axes} is not a letter for each axis",
            "give Y for rows and X for columns once, C for channels, any other for what counts "
            "images, as in data.axes=TZYX",
        )


def axes_of(stored: LazyArray, file: Path, selector: ArraySelector, frames: bool) -> ArrayAxes:
    """What the axes of an array count.

    Parameters
    ----------
    stored
        The array.
    file
        Its file, for messages.
    selector
        The user's letters, whether the file is the only one, and the least side of an image.
    frames
        Whether the images are frames, of which a stack without names has three axes.

    Raises
    ------
    UserError
        If the letters do not fit the array, or the array cannot hold images, or may hold them in
        more ways than one.
    """
    letters, assumed = _letters(stored, file, selector, frames), False
    if letters is None:
        assumed = True
        squeezed = [side for side in stored.shape if side > 1] if frames else stored.shape
        guess = _guess(tuple(squeezed), alone=selector.alone or frames, frames=frames)
        letters = None if guess is None else _with_ones(guess, stored.shape)
    if letters is None:
        raise _unclear(stored.shape, file, selector, frames)
    axes = _described(letters, stored.shape, assumed)
    if not axes.n or min(axes.shape[1:]) < selector.min_side:
        raise _no_images(stored.shape, file, selector, None if assumed else letters)
    return axes


def images(stored: LazyArray, axes: ArrayAxes, first: int, last: int) -> Array:
    """The images from ``first`` up to, but not including, ``last``, (n, C, H, W)."""
    counting = [i for i, letter in enumerate(axes.letters) if letter not in "YXCS"]
    channels = [i for i, letter in enumerate(axes.letters) if letter in "CS"]
    sides = [axes.letters.index("Y"), axes.letters.index("X")]
    skipped = 0
    if counting:
        lead, *rest = counting
        inner = math.prod(stored.shape[i] for i in rest)
        part = slice(first // inner, -(-last // inner))
        skipped = part.start * inner
        array = stored.read((*[slice(None)] * lead, part) if lead else part)
    else:
        array = stored.read(...)
    array = array.transpose(*counting, *channels, *sides)
    n = math.prod(array.shape[: len(counting)])
    height, width = array.shape[-2:]
    found = array.reshape(n, -1 if array.size else 1, height, width)
    return found[first - skipped : last - skipped, : axes.shape[0]]


def assumption(shape: Sequence[int], axes: ArrayAxes) -> str | None:
    """What was assumed of an array of several images without named axes; None if it is plain.

    Images along the last axis, as in MATLAB, look like few wide images.
    """
    if not axes.assumed or len(shape) < 3:
        return None
    if len(shape) == 3 and axes.letters == "NYX":
        rows, columns, last = shape
        near = min(rows, columns) / max(rows, columns)
        if last > _WITH_TRANSPARENCY and near > min(columns, last) / max(columns, last):
            if rows == last:  # equally likely, and as most programs have it
                return None
            return (
                f"an array {tuple(shape)} is taken for {rows:,} images of {columns}×{last}; for "
                f"{last:,} images of {rows}×{columns} along the last axis type data.axes=YXN"
            )
    if len(shape) == 4 and axes.letters == "NCYX":
        return (
            f"an array {tuple(shape)} is taken for images in {shape[1]} channels; for "
            f"{shape[0] * shape[1]:,} images of one channel type data.axes=NNYX"
        )
    return None


def _letters(stored: LazyArray, file: Path, selector: ArraySelector, frames: bool) -> str | None:
    """Letters that the user or the file gives; None without."""
    if (given := selector.axes) is not None:
        n = sum(side > 1 for side in stored.shape)
        if len(given) == len(stored.shape):
            return given
        if len(given) == n:
            return _with_ones(given, stored.shape)
        what = f"data.axes={given} names {len(given)} axes, but {file} holds an array of shape "
        example = "N" * (len(stored.shape) - 2) + "YX"
        raise UserError(f"{what}{stored.shape}", f"name {len(stored.shape)}, as in {example}")
    if stored.axes is None or stored.axes.count("Y") != 1 or stored.axes.count("X") != 1:
        return None
    return stored.axes


def _with_ones(letters: str, shape: Sequence[int]) -> str:
    """Letters of the axes longer than 1, with an N for each of the others."""
    if len(letters) == len(shape):
        return letters
    rest = iter(letters)
    return "".join("N" if side == 1 else next(rest) for side in shape)


def _guess(shape: tuple[int, ...], *, alone: bool, frames: bool) -> str | None:
    """Letters of an array without names; None if it cannot hold images, or in several ways."""
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3:
        if frames:
            return "YXS" if shape[2] in (_COLOURS, _WITH_TRANSPARENCY) else "NYX"
        if shape[2] <= _WITH_TRANSPARENCY < min(shape[:2]):
            return "YXS"
        return "CYX" if not alone and shape[0] == _COLOURS else "NYX"
    if len(shape) == 4:
        _, second, third, last = shape
        if frames:
            return "NYXS" if last in (_COLOURS, _WITH_TRANSPARENCY) else None
        few = {"NYXS": (last, min(second, third)), "NCYX": (second, min(third, last))}
        narrow = [way for way, (n, side) in few.items() if n <= _WITH_TRANSPARENCY and n < side]
        return min(narrow, key=lambda way: few[way][0], default=None)
    return None


def _described(letters: str, shape: tuple[int, ...], assumed: bool) -> ArrayAxes:
    axes = list(zip(letters, shape, strict=True))
    n = math.prod(side for letter, side in axes if letter not in "YXCS")
    channels = math.prod(side for letter, side in axes if letter in "CS")
    colours = shape[letters.index("S")] if "S" in letters else 0
    transparent = colours == _WITH_TRANSPARENCY and "C" not in letters
    sides = shape[letters.index("Y")], shape[letters.index("X")]
    return ArrayAxes(letters, n, (channels - transparent, *sides), transparent, assumed)


def _unclear(
    shape: tuple[int, ...], file: Path, selector: ArraySelector, frames: bool
) -> UserError:
    """The fault of an array that may hold images in several ways, or none."""
    large = sum(side >= selector.min_side for side in shape) >= 2
    if len(shape) < 4 or not large or not all(shape):
        return _no_images(shape, file, selector, None)
    *outer, height, width = shape
    n = math.prod(outer)
    ways = [f"{'×'.join(map(str, outer))} = {n:,} images of {height}×{width}, such as a scan "
            f"(data.axes={'N' * len(outer)}YX)"]  # fmt: skip
    if len(shape) == 4:
        ways.append(f"{outer[0]:,} images in {outer[1]} channels (data.axes=NCYX)")
    if len(shape) == 4 and width <= _MAY_BE_CHANNELS:
        ways.append(f"{outer[0]:,} images in {width} channels (data.axes=NYXC)")
    what = f"{file} holds an array of shape {shape}, which may be {', or '.join(ways)}"
    return UserError(what, f"say which, as in data.axes={'N' * len(outer)}YX")


def _no_images(
    shape: tuple[int, ...], file: Path, selector: ArraySelector, letters: str | None
) -> UserError:
    named = "" if letters is None else f" with axes {letters}"
    return UserError(
        f"{file} holds an array of shape {shape}{named}",
        "give (images, rows, columns), or with few channels (images, rows, columns, channels) or "
        f"(images, channels, rows, columns), {selector.min_side} pixels or more a side; "
        "data.axes=NYX names axes in another order",
    )


def matlab_axes(shape: tuple[int, ...]) -> str:
    """Letters of the axes of an array as MATLAB has it: rows, columns, then colours and images.

    Images along the first axis are recognised where they are less oblong than along the last.
    """
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3:
        if shape[2] == _COLOURS:
            return "YXS"
        last, first = (min(sides) / max(*sides, 1) for sides in (shape[:2], shape[1:]))
        return "YXN" if last >= first else "NYX"
    if len(shape) == 4 and shape[2] == _COLOURS:
        return "YXSN"
    return "YX" + "N" * (len(shape) - 2)


def matlab_assumption(shape: tuple[int, ...]) -> str | None:
    """What was assumed of an array of MATLAB whose images seem to be along its first axis."""
    if matlab_axes(shape) != "NYX":
        return None
    return (
        f"an array {shape} of MATLAB is taken for {shape[0]:,} images of {shape[1]}×{shape[2]}; "
        f"for {shape[2]:,} images of {shape[0]}×{shape[1]} along the last axis type data.axes="
    )
