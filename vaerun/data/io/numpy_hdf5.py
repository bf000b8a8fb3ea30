"""Readers of arrays in npy, npz and HDF5 files; npy and HDF5 are read in parts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    image_width,
    refuse_key,
    select_array,
    single_values,
)
from vaerun.data.io.pixel_size import pixel_nm

NUMERIC = "biufc"  # numpy kinds of numbers
_CHUNK_CACHE = 64 * 2**20  # bytes: a chunk of many images is unpacked only once


def open_npy(file: Path, selector: ArraySelector) -> LazyArray:
    """The array of an npy file, or the selected one of an npz file of that name."""
    loaded = _load(file, mmap_mode="r")
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        return open_npz(file, selector)
    refuse_key(file, selector)
    return LazyArray(
        shape=loaded.shape,
        dtype=loaded.dtype,
        # mapped again for each part: pages of a lasting mapping would count as our memory
        read=lambda part: np.array(_load(file, mmap_mode="r")[part]),
    )


def open_npz(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of an npz file, or the array of an npy file of that name."""
    loaded = _load(file)
    if isinstance(loaded, np.ndarray):
        refuse_key(file, selector)
        return LazyArray.of(loaded)
    loaded.close()
    arrays = npz_arrays(file)
    numeric = {name: a.shape for name, a in arrays.items() if a.dtype.kind in NUMERIC}
    images = arrays[select_array(numeric, file, selector)]
    return LazyArray.of(images, pixel_nm(single_values(arrays), image_width(images.shape)))


def npz_arrays(file: Path) -> dict[str, Array]:
    """All arrays of an npz file, numbers or text; none of an npy file."""
    loaded = _load(file)
    if isinstance(loaded, np.ndarray):
        return {}
    with loaded:
        try:
            return {name: loaded[name] for name in loaded.files}
        except ValueError as error:
            raise _fault(file, error) from None


def _load(file: Path, **how: Any) -> Any:
    try:
        return np.load(file, allow_pickle=False, **how)
    except ValueError as error:
        raise _fault(file, error) from None


def _fault(file: Path, error: ValueError) -> Exception:
    if not any(word in str(error) for word in ("pickle", "Python objects")):
        return error
    what = f"{file} cannot be read: it is broken, or holds Python objects, which may run code"
    return Unreadable(what, "save plain arrays of numbers in it")


def open_hdf5(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected data set of an HDF5 file, which stays open as long as the result exists."""
    opened = h5py.File(file, rdcc_nbytes=_CHUNK_CACHE)
    numeric = {
        name: shape for name, (shape, dtype) in data_sets(opened).items() if dtype.kind in NUMERIC
    }
    dataset = opened[select_array(numeric, file, selector)]
    shape = dataset.shape or ()
    sizes = (pixel_nm(facts, image_width(shape)) for facts in _facts(dataset))
    return LazyArray(
        shape=shape,
        dtype=dataset.dtype,
        read=dataset.__getitem__,
        pixel_nm=next((size for size in sizes if size), None),
        memory=_CHUNK_CACHE,
    )


def data_sets(opened: h5py.File) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every data set of a file, by its full name."""
    sets: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            sets[name] = (item.shape or (), item.dtype)

    opened.visititems(note)
    return sets


def _facts(dataset: h5py.Dataset) -> Iterator[Mapping[str, Any]]:
    """Metadata of a data set, then of the groups that it is in, innermost first."""
    yield single_values(dataset.attrs)
    group = dataset
    while group.name != "/":
        group = group.parent
        scalars = {
            name: item[()]
            for name, item in group.items()
            if isinstance(item, h5py.Dataset) and item.shape == ()
        }
        yield single_values(scalars | dict(group.attrs))
