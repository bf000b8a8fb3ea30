"""Classic netCDF files, which are no HDF5."""

from pathlib import Path

import numpy as np
from scipy.io import netcdf_file

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector

STACK = np.arange(3 * 20 * 30, dtype=np.int16).reshape(3, 20, 30)


def test_a_variable_comes_with_its_axes_and_its_gaps(tmp_path: Path):
    file = tmp_path / "x.nc"
    with netcdf_file(file, "w") as opened:
        for name, side in (("y", 20), ("time", 3), ("x", 30)):
            opened.createDimension(name, side)
        height = opened.createVariable("height", "i2", ("y", "time", "x"))
        height[:] = STACK.transpose(1, 0, 2)
        height._FillValue = np.int16(7)
    stored = open_array(file, ArraySelector())
    assert stored.axes == "YNX"
    read = stored.read(...).transpose(1, 0, 2)
    np.testing.assert_array_equal(read, np.where(STACK == 7, np.nan, STACK))
