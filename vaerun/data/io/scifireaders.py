"""Reader of files of microscopes through SciFiReaders (MIT licence), the extra ``formats``."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.faults import read_by
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, select_array
from vaerun.data.io.pixel_size import PixelSize
from vaerun.utils.errors import UserError

# Name of the reader by the ending of a file.
READERS = {
    ".dm3": "DMReader", ".dm4": "DMReader",
    ".ndata": "NionReader",
    ".sxm": "NanonisSXMReader", ".3ds": "Nanonis3dsReader",
    ".spm": "BrukerAFMReader",
    ".mdt": "MDTReader",
    ".edaxh5": "EDAXReader", ".h5oina": "EDAXReader",
    ".rto": "BrukerReader",
}  # fmt: skip
_COLUMNS_FIRST = {"DMReader", "NionReader"}  # where the axes have no names
_IMAGES = ("IMAGE", "IMAGE_STACK", "IMAGE_4D")


def open_with_scifireaders(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected image or stack of a file that one of SciFiReaders' readers opens."""
    try:
        module = importlib.import_module("SciFiReaders")
    except ImportError:
        what = f"{file} takes SciFiReaders, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    name = READERS[file.suffix.lower()]
    with read_by("SciFiReaders", file):
        read = getattr(module, name)(str(file)).read()
    if isinstance(read, (list, tuple)):
        read = {f"{getattr(one, 'title', 'data')}_{i}": one for i, one in enumerate(read)}
    datasets = read if isinstance(read, dict) else {"data": read}
    datasets = {
        key: dataset
        for key, dataset in datasets.items()
        if getattr(getattr(dataset, "data_type", None), "name", "") in _IMAGES
    }
    shapes = {key: dataset.shape for key, dataset in datasets.items()}
    dataset = datasets[select_array(shapes, file, selector)]
    axes = [getattr(dataset, f"dim_{i}") for i in range(dataset.ndim)]
    rows, columns = _sides(axes, name in _COLUMNS_FIRST)
    images = np.moveaxis(np.asarray(dataset), (rows, columns), (-2, -1))
    letters = "N" * (images.ndim - 2) + "YX"
    row, column = (axes[i][1] - axes[i][0] if len(axes[i]) > 1 else None for i in (rows, columns))
    size = PixelSize.of(row, column, axes[rows].units, axes[columns].units)
    return LazyArray.of(images, size.nm, letters, aspect=size.aspect)


def _sides(axes: list[Any], columns_first: bool) -> tuple[int, int]:
    """Axes of rows and of columns: by their names, or the two in space, in the usual order."""
    names = [str(getattr(axis, "name", "")).lower() for axis in axes]
    if names.count("x") == names.count("y") == 1:
        return names.index("y"), names.index("x")
    kinds = ("SPATIAL", "RECIPROCAL")
    sides = [i for i, axis in enumerate(axes) if axis.dimension_type.name in kinds]
    first, second = sides if len(sides) == 2 else (0, 1)  # uncalibrated: frames are the last axis
    return (second, first) if columns_first else (first, second)
