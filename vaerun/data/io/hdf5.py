"""Reader of HDF5 files of any kind: NeXus, CXI, netCDF 4, MATLAB 7.3 and plain ones.

Files are read in parts. Axes are those that the file names: by labels or scales of a data set's
dimensions, by attributes of NeXus, or by the order of MATLAB.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vaerun.data.io import compression, unmeasured
from vaerun.data.io.axes import matlab_assumption, matlab_axes
from vaerun.data.io.hdf5_contents import choose, contents
from vaerun.data.io.lazy_array import (
    ArraySelector,
    LazyArray,
    image_width,
    single_values,
    stacked,
)
from vaerun.data.io.pixel_size import PixelSize, pixel_size

_CHUNK_CACHE = 64 * 2**20  # bytes: a chunk of many images is unpacked only once

# Names of dimensions, in lower case, by the letter of `vaerun.data.io.axes`; others count images.
_NAMES = {
    **dict.fromkeys(("y", "row", "rows", "height", "lat", "latitude", "slow_y"), "Y"),
    **dict.fromkeys(("x", "column", "columns", "col", "width", "lon", "longitude"), "X"),
    **dict.fromkeys(("c", "channel", "channels", "colour", "color", "rgb"), "C"),
}


def open_hdf5(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected data sets of an HDF5 file, which stays open as long as the result exists."""
    opened = h5py.File(file, rdcc_nbytes=_CHUNK_CACHE)
    arrays, notes = choose(opened, file, selector)
    parts = [open_data_set(one, file) for one in arrays]
    if len(parts) > 1:
        return stacked(parts, notes)
    return replace(parts[0], notes=(*notes, *parts[0].notes))


def open_data_set(dataset: h5py.Dataset, file: Path, axes: str | None = None) -> LazyArray:
    """A data set of an HDF5 file, with NaN where it was never measured.

    Axes, if given, are those of a format that names them in its own way.
    """
    compression.check_filters(dataset, file)
    shape = dataset.shape or ()
    found = (pixel_size(facts, image_width(shape)) for facts in _facts(dataset))
    pixel = next((size for size in found if size.nm), PixelSize())
    read, dtype, notes = unmeasured.reader(dataset, file)
    gaps = bool(notes)
    if "MATLAB_class" in dataset.attrs and (assumed := matlab_assumption(shape[::-1])):
        notes.append(f"{file.name}: {assumed}NXY")  # letters are in the order of HDF5
    return LazyArray(
        shape=shape,
        dtype=dtype,
        read=read,
        pixel_nm=pixel.nm,
        aspect=pixel.aspect,
        axes=axes or _axes(dataset),
        memory=_CHUNK_CACHE,
        notes=tuple(notes),
        has_gaps=gaps,
        sources=unmeasured.sources(dataset, file),
    )


def data_sets(opened: h5py.File) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every data set of a file, by its full name."""
    return {name: (one.shape or (), one.dtype) for name, one in contents(opened).arrays.items()}


def _axes(dataset: h5py.Dataset) -> str | None:
    """Letters of the axes that the file names; None if it leaves rows and columns open."""
    if "MATLAB_class" in dataset.attrs:
        return matlab_axes((dataset.shape or ())[::-1])[::-1]
    named = (_labels(dataset), _named_in_group(dataset), _own(dataset), _beside(dataset))
    for names in named:
        if len(names) != len(dataset.shape or ()):
            continue
        if (letters := letters_of(names)) is not None:
            return letters
    return None


def letters_of(names: Sequence[str]) -> str | None:
    """Letters of dimensions with some names; None if they leave rows and columns open."""
    letters = "".join(_NAMES.get(name.strip().lower(), "N") for name in names)
    plain = letters.count("Y") == letters.count("X") == 1 and letters.count("C") < 2
    return letters if plain else None


def _labels(dataset: h5py.Dataset) -> list[str]:
    """Label of each dimension or, without, the name of its scale."""
    names = []
    for dimension in dataset.dims:
        scale = dimension[0].name if len(dimension) else ""
        names.append(dimension.label or scale.rsplit("/", 1)[-1])
    return names


def _named_in_group(dataset: h5py.Dataset) -> list[str]:
    """Axes that a NeXus group names for its signal."""
    group = dataset.parent
    signal, axes = group.attrs.get("signal"), group.attrs.get("axes")
    if axes is None or _text(signal) != dataset.name.rsplit("/", 1)[-1]:
        return []
    return _split(axes)


def _own(dataset: h5py.Dataset) -> list[str]:
    """Axes in an attribute of a data set: a list, or a text of letters such as TZYX."""
    for name in ("axes", "dimension_labels", "dimension_order", "dims"):
        if (axes := dataset.attrs.get(name)) is not None:
            return _split(axes)
    return []


def _beside(dataset: h5py.Dataset) -> list[str]:
    """Names of ``dim1``, ``dim2``, … beside a data set, as NCEM's .emd has them."""
    dims = [dataset.parent.get(f"dim{i + 1}") for i in range(len(dataset.shape or ()))]
    return [_text(dim.attrs.get("name")) or "" for dim in dims if isinstance(dim, h5py.Dataset)]


def _split(axes: object) -> list[str]:
    values = np.asarray(axes).reshape(-1).tolist()
    if len(values) > 1:
        return [_text(value) or "" for value in values]
    text = _text(values[0]) or "" if values else ""
    parts = [part for part in re.split(r"[\s,:;\[\]()]+", text) if part]
    return parts if len(parts) > 1 else list(text)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None


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
