"""Files of named arrays of numbers: npy, npz and HDF5. npy and HDF5 are read in parts."""

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
    refuse_key,
    select_array,
    single,
    width,
)
from vaerun.data.io.pixel_size import pixel_nm

NUMERIC = "biufc"  # kinds of numbers
_CHUNK_CACHE = 64 * 2**20  # bytes: a chunk of many images is unpacked once, not for each of them


def open_npy(file: Path, wanted: ArraySelector) -> LazyArray:
    """The array of an npy file; one of an npz file."""
    loaded = _load(file, mmap_mode="r")
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        return open_npz(file, wanted)
    refuse_key(file, wanted)
    return LazyArray(
        shape=loaded.shape,
        dtype=loaded.dtype,
        # mapped anew each time: pages of a mapping that stays would count as our memory
        read=lambda part: np.array(_load(file, mmap_mode="r")[part]),
    )


def open_npz(file: Path, wanted: ArraySelector) -> LazyArray:
    """One of the arrays of an npz file; a single array where it is npy by another name."""
    loaded = _load(file)
    if isinstance(loaded, np.ndarray):
        refuse_key(file, wanted)
        return LazyArray.of(loaded)
    loaded.close()
    arrays = npz_arrays(file)
    numeric = {name: a.shape for name, a in arrays.items() if a.dtype.kind in NUMERIC}
    images = arrays[select_array(numeric, file, wanted)]
    return LazyArray.of(images, pixel_nm(single(arrays), width(images.shape)))


def npz_arrays(file: Path) -> dict[str, Array]:
    """All arrays of an npz file, numbers or text."""
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


def open_hdf5(file: Path, wanted: ArraySelector) -> LazyArray:
    """A data set of an HDF5 file, which stays open for as long as this is held."""
    opened = h5py.File(file, rdcc_nbytes=_CHUNK_CACHE)
    numeric = {
        name: shape for name, (shape, dtype) in data_sets(opened).items() if dtype.kind in NUMERIC
    }
    dataset = opened[select_array(numeric, file, wanted)]
    shape = dataset.shape or ()
    said = (pixel_nm(facts, width(shape)) for facts in _facts(dataset))
    return LazyArray(
        shape=shape,
        dtype=dataset.dtype,
        read=dataset.__getitem__,
        pixel_nm=next((size for size in said if size), None),
        memory=_CHUNK_CACHE,
    )


def data_sets(opened: h5py.File) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every data set of a file, by its full name."""
    found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (item.shape or (), item.dtype)

    opened.visititems(note)
    return found


def _facts(dataset: h5py.Dataset) -> Iterator[Mapping[str, Any]]:
    """What is written at the data set, and then at the groups that it is in, innermost first."""
    yield single(dataset.attrs)
    group = dataset
    while group.name != "/":
        group = group.parent
        scalars = {name: item[()] for name, item in group.items() if _is_scalar(item)}
        yield single(scalars | dict(group.attrs))


def _is_scalar(item: object) -> bool:
    return isinstance(item, h5py.Dataset) and item.shape == ()
