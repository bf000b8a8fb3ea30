"""Reader of MATLAB files: since version 7.3 they are HDF5, before that SciPy reads them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vaerun.data.io.axes import matlab_assumption, matlab_axes
from vaerun.data.io.hdf5 import open_hdf5
from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    image_width,
    single_values,
)
from vaerun.data.io.numpy_files import choose_array
from vaerun.data.io.pixel_size import pixel_size


def open_matlab(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of a MATLAB file, or the images in a cell array."""
    if h5py.is_hdf5(file):
        return open_hdf5(file, selector)
    arrays = matlab_arrays(file)
    images, notes = choose_array(arrays, file, selector, single=True)
    size = pixel_size(single_values(arrays), image_width(images.shape))
    if notes:  # a stack
        return LazyArray.of(images, size.nm, "NYX", notes, aspect=size.aspect)
    if (assumed := matlab_assumption(images.shape)) is not None:
        notes = [f"{file.name}: {assumed}YXN"]
    return LazyArray.of(images, size.nm, matlab_axes(images.shape), notes, aspect=size.aspect)


def matlab_arrays(file: Path) -> dict[str, Array]:
    """All arrays of a file before version 7.3, numbers or text.

    The field of a structure is named ``structure/field``, and cells ``array/0``, ``array/1``, ….
    """
    from scipy.io import loadmat  # slow to import

    found = {name: value for name, value in loadmat(file).items() if not name.startswith("__")}
    return dict(_flat(found))


def _flat(arrays: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """The arrays of numbers and of text, also those in structures and cells."""
    for name, value in arrays.items():
        array = np.asarray(value)
        if array.dtype.names is not None:
            fields = {f"{name}/{field}": array[field] for field in array.dtype.names}
            yield from _flat(fields)
        elif array.dtype.kind != "O":
            yield name, array
        elif array.size == 1:
            yield from _flat({name: array.item()})
        else:
            cells = [np.asarray(cell) for cell in array.flat]
            if all(cell.size == 1 for cell in cells):
                yield name, np.array([cell.item() for cell in cells])
            else:
                yield from _flat({f"{name}/{i}": cell for i, cell in enumerate(cells)})
