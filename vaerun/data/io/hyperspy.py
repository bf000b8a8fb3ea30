"""Reader of HyperSpy's files, ``.hspy`` (HDF5) and ``.zspy`` (zarr), without HyperSpy.

Both hold ``Experiments/<title>/data`` with a group of attributes for each axis, ``axis-0`` and so
on: its scale and unit, and whether it is navigated, that is, counts signals.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.io.hdf5 import open_data_set
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, select_array
from vaerun.data.io.pixel_size import PixelSize
from vaerun.data.io.zarr_files import open_root, read_in_parts
from vaerun.utils.errors import UserError

_FOLDER, _DATA = "Experiments", "data"


def open_hspy(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected signal of a ``.hspy`` file, which stays open as long as the result exists."""
    opened = h5py.File(file)
    experiment = _experiment(opened, file, selector)
    axes = _axes(experiment, len(experiment[_DATA].shape), file, selector)
    stored = open_data_set(experiment[_DATA], file, axes)
    return _calibrated(stored, experiment, axes)


def open_zspy(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected signal of a ``.zspy`` folder or zip file."""
    experiment = _experiment(open_root(file), file, selector)
    data = experiment[_DATA]
    axes = _axes(experiment, len(data.shape), file, selector)
    return _calibrated(read_in_parts(data, file, axes=axes), experiment, axes)


def _experiment(opened: Any, file: Path, selector: ArraySelector) -> Any:
    """The group of the selected signal."""
    experiments = opened.get(_FOLDER, {})
    groups = {name: experiments[name] for name in experiments if _DATA in experiments[name]}
    shapes = {name: tuple(group[_DATA].shape) for name, group in groups.items()}
    return groups[select_array(shapes, file, selector)]


def _axes(experiment: Any, n: int, file: Path, selector: ArraySelector) -> str:
    """Letters of the axes: navigated ones count images, the last two others are their sides.

    Of curves the last one not navigated is L, and the last two of several others are Y and X.
    """
    navigated = [bool(_attribute(experiment, i, "navigate", False)) for i in range(n)]
    signal = [i for i, is_navigated in enumerate(navigated) if not is_navigated]
    if selector.curves:
        points = signal[-1] if signal else n - 1
        others = [i for i in range(n) if i != points]
        places = dict(zip(others[-2:], "YX", strict=True)) if len(others) > 1 else {}
        return "".join("L" if i == points else places.get(i, "N") for i in range(n))
    if len(signal) == 0 and n == 2:  # a map without a signal in its points
        signal = [0, 1]
    if len(signal) < 2:
        what = f"{file} holds a spectrum or a number at each point, and no image"
        raise UserError(what, "give images: sum over the signal first, or transpose the signal")
    letters = ["N"] * n
    letters[signal[-2]], letters[signal[-1]] = "Y", "X"
    return "".join(letters)


def _calibrated(stored: LazyArray, experiment: Any, axes: str) -> LazyArray:
    """The array with the pixel size of its columns, or the axis of its curves."""
    if "L" in axes:
        names = ("offset", 0.0), ("scale", 1.0), ("name", ""), ("units", "")
        first, step, name, unit = (_attribute(experiment, axes.index("L"), *one) for one in names)
        known = [_plain_text(text) for text in (name, unit)]
        axis = CurveAxis(first=float(first), step=float(step), name=known[0], unit=known[1])
        return replace(stored, curve_axis=axis)
    (row, row_unit), (column, unit) = (
        [_attribute(experiment, axes.index(letter), name, None) for name in ("scale", "units")]
        for letter in "YX"
    )
    size = PixelSize.of(row, column, row_unit, unit)
    return replace(stored, pixel_nm=size.nm, aspect=size.aspect)


def _plain_text(value: object) -> str:
    """A text attribute; empty for HyperSpy's mark of an unknown one."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return "" if text.strip("<>") in ("undefined", "None") else text


def _attribute(experiment: Any, axis: int, name: str, default: object) -> Any:
    group = f"axis-{axis}"
    return experiment[group].attrs.get(name, default) if group in experiment else default
