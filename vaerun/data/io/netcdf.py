"""Reader of netCDF files: since version 4 they are HDF5, the classic ones SciPy reads."""

from pathlib import Path

import h5py
import numpy as np

from vaerun.data.io.hdf5 import letters_of, open_hdf5
from vaerun.data.io.lazy_array import (
    NUMERIC,
    ArraySelector,
    LazyArray,
    image_width,
    select_array,
)
from vaerun.data.io.pixel_size import pixel_nm
from vaerun.data.io.unmeasured import FILL_NAMES


def open_netcdf(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected variable of a file, with NaN where it holds a fill value."""
    if h5py.is_hdf5(file):
        return open_hdf5(file, selector)
    from scipy.io import netcdf_file  # slow to import

    with netcdf_file(file, mmap=False) as opened:
        variables = {
            name: one for name, one in opened.variables.items() if one.data.dtype.kind in NUMERIC
        }
        shapes = {name: tuple(one.shape) for name, one in variables.items()}
        chosen = variables[select_array(shapes, file, selector)]
        images = np.array(chosen.data)
        images = images.astype(images.dtype.newbyteorder("="))
        fills = [getattr(chosen, name) for name in FILL_NAMES if hasattr(chosen, name)]
        facts = {"pixel_size_nm": getattr(chosen, "pixel_size_nm", None)}
        axes = letters_of(chosen.dimensions)
    for fill in fills:
        images = images.astype(np.result_type(images.dtype, np.float32), copy=False)
        images[images == fill] = np.nan
    return LazyArray.of(images, pixel_nm(facts, image_width(images.shape)), axes)
