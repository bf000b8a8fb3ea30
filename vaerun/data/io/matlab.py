"""Reader of MATLAB files: since version 7.3 they are HDF5, before that SciPy reads them."""

from pathlib import Path

import h5py

from vaerun.data.io.axes import matlab_axes
from vaerun.data.io.hdf5 import open_hdf5
from vaerun.data.io.lazy_array import (
    NUMERIC,
    ArraySelector,
    LazyArray,
    image_width,
    select_array,
    single_values,
)
from vaerun.data.io.pixel_size import pixel_nm


def open_matlab(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of a MATLAB file."""
    if h5py.is_hdf5(file):
        return open_hdf5(file, selector)
    from scipy.io import loadmat  # slow to import

    arrays = {name: value for name, value in loadmat(file).items() if not name.startswith("__")}
    numeric = {name: a.shape for name, a in arrays.items() if a.dtype.kind in NUMERIC}
    images = arrays[select_array(numeric, file, selector)]
    size = pixel_nm(single_values(arrays), image_width(images.shape))
    return LazyArray.of(images, size, matlab_axes(images.shape))
