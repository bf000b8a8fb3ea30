"""An array that lies in a file, and which one is meant where there are several."""

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

_NAMED = 6  # data sets that a message lists


class Unreadable(UserError):
    """A file is broken, or holds what must not be read."""


class ArraySelector(NamedTuple):
    """Which array of a file is meant.

    Attributes
    ----------
    key
        Its name; None for the largest one with room for an image.
    min_side
        Pixels; anything narrower is a table or a colour axis.
    stacks
        Whether an array of three axes or more comes before any of two.
    """

    key: str | None = None
    min_side: int = 16
    stacks: bool = False


@dataclass(frozen=True, kw_only=True)
class LazyArray:
    """An array in a file.

    Attributes
    ----------
    shape, dtype
        As in the file.
    read
        From a slice along the first axis, or ``...`` for everything, to that part of it.
    pixel_nm
        Side of a pixel, where the file says so.
    colour_axis
        The axis of colours, where the format tells it.
    memory
        Bytes that it takes up for as long as this is held: most formats are read as a whole.
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
        """An array that was read as a whole."""
        return cls(
            shape=array.shape,
            dtype=array.dtype,
            read=array.__getitem__,
            pixel_nm=pixel_nm,
            colour_axis=colour_axis,
            memory=array.nbytes,
        )


def select_array(shapes: Shapes, file: Path, wanted: ArraySelector) -> str:
    """The name of the data set that is meant, or of the largest one with room for an image."""
    if wanted.key is not None:
        name = wanted.key.strip("/")
        if name in shapes:
            return name
        mend = (
            f"did you mean data.key={closest(wanted.key, shapes)}"
            if shapes
            else "give another file"
        )
        raise UserError(f"data.key={wanted.key} is no array of numbers in {file}", mend)
    sizes = {
        name: (wanted.stacks and len(shape) > 2, math.prod(shape))
        for name, shape in shapes.items()
        if sum(side >= wanted.min_side for side in shape) >= 2
    }
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if not largest:
        raise UserError(f"{file} holds no image", "give a file with images in it")
    if len(largest) > 1:
        names = ", ".join(largest[:_NAMED]) + (", …" if len(largest) > _NAMED else "")
        what = f"{file} holds several images of the same size: {names}"
        raise UserError(what, f"choose one by data.key={largest[0]}")
    return largest[0]


def refuse_key(file: Path, wanted: ArraySelector) -> None:
    """Refuse the name of a data set where there is a single array."""
    if wanted.key is not None:
        what = f"data.key={wanted.key} has no meaning for {file}, which holds a single array"
        raise UserError(what, "leave it out")


def width(shape: tuple[int, ...]) -> int:
    """Columns of the images, of which axes of length 1 are none."""
    return next((side for side in reversed(shape) if side > 1), 1)


def single(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the facts that are a single value, also where it stands in an array."""
    items = {key: np.asarray(value) for key, value in facts.items()}
    return {key: array.item() for key, array in items.items() if array.size == 1}
