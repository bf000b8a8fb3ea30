"""Compressions of files that need a package which is not installed."""

import contextlib
from pathlib import Path

import h5py

from vaerun.utils.errors import UserError

INSTALL = "pip install 'vaerun[codecs]'"

# Numbers that the HDF Group has registered, of the compressions that detectors write.
_FILTERS = {
    32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP",
    32015: "Zstandard", 32017: "SZ", 32018: "FCIDECOMP", 32024: "SZ3", 32026: "Blosc2",
    307: "bzip2",
}  # fmt: skip


def check_filters(dataset: h5py.Dataset, file: Path) -> None:
    """Raise a `UserError` if a data set is compressed in a way that nothing installed reads.

    The plug-ins of hdf5plugin are registered where they are needed and installed.
    """
    made = dataset.id.get_create_plist()
    codes = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
    if all(h5py.h5z.filter_avail(code) for code in codes):
        return
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401  importing it registers its filters
    for code in codes:
        if not h5py.h5z.filter_avail(code):
            name = _FILTERS.get(code, f"HDF5 filter {code}")
            raise UserError(f"{file} is compressed by {name}, which takes hdf5plugin", INSTALL)


def missing_codec(file: Path, error: Exception) -> UserError:
    """The fault of a file whose compression takes imagecodecs, by the error of the reader."""
    words = str(error).split(" requires", 1)[0].strip("<>' ")
    how = words.removeprefix("COMPRESSION.").removeprefix("PREDICTOR.").split(":")[0]
    return UserError(f"{file} is compressed ({how}), which takes imagecodecs", INSTALL)
