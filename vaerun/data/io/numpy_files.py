"""Readers of arrays in npy files, in parts, and in npz files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vaerun.data.io.lazy_array import (
    NUMERIC,
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    image_width,
    refuse_key,
    select_array,
    single_values,
)
from vaerun.data.io.numbered_arrays import find_stacks, stack_shape
from vaerun.data.io.pixel_size import pixel_size


def open_npy(file: Path, selector: ArraySelector) -> LazyArray:
    """The array of an npy file, or the selected one of an npz file of that name."""
    if _is_archive(file):
        return open_npz(file, selector)
    mapped = _load(file, mmap_mode="r")
    refuse_key(file, selector)
    return LazyArray(
        shape=mapped.shape,
        dtype=mapped.dtype,
        # mapped again for each part: pages of a lasting mapping would count as our memory
        read=lambda part: np.array(_load(file, mmap_mode="r")[part]),
    )


def open_npz(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of an npz file, or the array of an npy file of that name."""
    if not _is_archive(file):
        return open_npy(file, selector)
    arrays = npz_arrays(file)
    images, notes = choose_array(arrays, file, selector)
    size = pixel_size(single_values(arrays), image_width(images.shape))
    return LazyArray.of(images, size.nm, notes=notes, aspect=size.aspect)


def choose_array(
    arrays: Mapping[str, Array], file: Path, selector: ArraySelector, *, single: bool = False
) -> tuple[Array, list[str]]:
    """The selected one of arrays in memory, or a stack of numbered ones; and notes.

    With ``single`` only single images (H, W) make a stack.
    """
    numeric = {name: array for name, array in arrays.items() if array.dtype.kind in NUMERIC}
    shapes: dict[str, tuple[int, ...]] = {name: array.shape for name, array in numeric.items()}
    if selector.key is not None:
        return numeric[select_array(shapes, file, selector)], []
    types = {name: array.dtype for name, array in numeric.items()}
    parts_of = {name: one for name, one in shapes.items() if not single or len(one) == 2}
    stacks = find_stacks(parts_of, types, selector)
    parts = {name for names in stacks.values() for name in names}
    together = {name: shape for name, shape in shapes.items() if name not in parts}
    together |= {name: stack_shape(names, shapes) for name, names in stacks.items()}
    chosen = select_array(together, file, selector)
    if chosen not in stacks:
        return numeric[chosen], []
    some = [numeric[name] for name in stacks[chosen]]
    notes = [f"{file.name}: {chosen} are one stack of {len(some)} parts"]
    return (np.stack(some) if some[0].ndim == 2 else np.concatenate(some)), notes


def npz_arrays(file: Path) -> dict[str, Array]:
    """All arrays of an npz file, numbers or text; none of an npy file."""
    # opened here: of a damaged archive NumPy would leave its own file open
    with file.open("rb") as stream:
        loaded = _load(stream)
        if isinstance(loaded, np.ndarray):
            return {}
        try:
            return {name: loaded[name] for name in loaded.files}
        except ValueError as error:
            raise _fault(file, error) from None


def _is_archive(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"PK"


def _load(file: Path | BinaryIO, **how: Any) -> Any:
    try:
        return np.load(file, allow_pickle=False, **how)
    except ValueError as error:
        raise _fault(file if isinstance(file, Path) else Path(file.name), error) from None


def _fault(file: Path, error: ValueError) -> Exception:
    if not any(word in str(error) for word in ("pickle", "Python objects")):
        return error
    what = f"{file} cannot be read: it is broken, or holds Python objects, which may run code"
    return Unreadable(what, "save plain arrays of numbers in it")
