"""An array in a file that is read in parts, and the choice among several arrays of a file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.utils.errors import UserError, closest

Array = npt.NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]

_MOST_NAMES = 6  # of data sets in a message


class Unreadable(UserError):
    """The file is broken, or holds Python objects."""


class ArraySelector(NamedTuple):
    """The choice of one array of a file.

    Attributes
    ----------
    key
        Name of the array; None: the largest with two axes of ``min_side`` or more.
    min_side
        Pixels; a shorter axis belongs to a table or to colours.
    stacks
        Whether arrays of three or more axes are preferred to larger ones of two.
    """

    key: str | None = None
    min_side: int = 16
    stacks: bool = False


@dataclass(frozen=True, kw_only=True)
class LazyArray:
    """An array in a file, read in parts.

    Attributes
    ----------
    shape, dtype
        Of the array in the file.
    read
        Function of a slice along the first axis, or of ``...``, that returns that part.
    pixel_nm
        Side of a pixel in nm; None if the file does not contain it.
    colour_axis
        The axis of colours, where the format defines it.
    memory
        Bytes in use as long as this object exists; most formats are read completely.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[Any], Array]
    pixel_nm: float | None = None
    colour_axis: int | None = None
    memory: int = 0

    @classmethod
    def of(
        cls, array: Array, pixel_nm: float | None = None, colour_axis: int | None = None
    ) -> "LazyArray":
        """An array that has been read completely."""
        return cls(
            shape=array.shape,
            dtype=array.dtype,
            read=array.__getitem__,
            pixel_nm=pixel_nm,
            colour_axis=colour_axis,
            memory=array.nbytes,
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
        if sum(side >= selector.min_side for side in shape) >= 2
    }
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if not largest:
        raise UserError(f"{file} holds no image", "give a file with images in it")
    if len(largest) > 1:
        names = ", ".join(largest[:_MOST_NAMES])
        names += ", …" if len(largest) > _MOST_NAMES else ""
        what = f"{file} holds several images of the same size: {names}"
        raise UserError(what, f"choose one by data.key={largest[0]}")
    return largest[0]


def refuse_key(file: Path, selector: ArraySelector) -> None:
    """Raise a `UserError` if a file of a single array is given the name of one."""
    if selector.key is not None:
        what = f"data.key={selector.key} has no meaning for {file}, which holds a single array"
        raise UserError(what, "leave it out")


def image_width(shape: tuple[int, ...]) -> int:
    """Columns of the images in an array: its last axis that is longer than 1."""
    return next((side for side in reversed(shape) if side > 1), 1)


def single_values(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are a single value, or an array of one."""
    items = {key: np.asarray(value) for key, value in facts.items()}
    return {key: array.item() for key, array in items.items() if array.size == 1}
