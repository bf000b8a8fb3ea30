"""Curves in files of any format: their axis, channels and, in maps, places.

A letter stands for each axis of an array: L points, C channels, Y rows and X columns of a map,
and N for what else counts curves. The user's letters come first, then those that the file gives,
then what the shape suggests, which is said.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.io.curve_tables import TEXT, is_monotonic, name_and_unit, read_curve_table
from vaerun.data.io.formats import HDF5, open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, check_real
from vaerun.data.io.tables import names_beside, read_beside
from vaerun.utils.errors import UserError

# N curves of C channels and L points.

Floats = npt.NDArray[np.float32]

_MOST_CHANNELS = 4  # an axis as short as this counts channels rather than columns of a map
# Names of data sets that are an axis, the likeliest first.
_AXIS_NAMES = ("axis", "energy", "wavelength", "wavenumber", "frequency", "raman_shift", "field",
               "voltage", "bias", "angle", "two_theta", "time", "x", "e")  # fmt: skip

log = logging.getLogger(__name__)


class CurveFile(NamedTuple):
    """Curves of a file.

    Attributes
    ----------
    file
        Its path.
    values
        (N, C, L) float32, maps row by row.
    at
        (L,) values of the points, rising or falling; None where the file has none.
    axis
        Name and unit.
    map_shape
        (rows, columns) of each map; None for curves without places.
    """

    file: Path
    values: Floats
    at: npt.NDArray[np.float64] | None
    axis: CurveAxis
    map_shape: tuple[int, int] | None


def read_curves(
    file: Path, key: str | None = None, axes: str | None = None, axis_key: str | None = None
) -> CurveFile:
    """The curves of a file.

    Parameters
    ----------
    file
        An array of any known format, or a table of text.
    key, axes, axis_key
        Name of the data set, a letter for each of its axes, and name of that of the axis; None:
        detected.

    Raises
    ------
    UserError
        If it cannot be read, or its array may hold curves in several ways.
    """
    if file.suffix.lower() in TEXT:
        return _of_table(file)
    stored = open_array(file, ArraySelector(key, min_side=2, curves=True))
    check_real(stored, file)
    for note in stored.notes:
        log.info(note)
    letters = _letters(stored, file, axes)
    array = _read(stored, file)
    values, map_shape = _in_order(array, letters)
    at, axis = _axis_of(stored, file, values.shape[2], axis_key)
    return CurveFile(file, values, at, axis, map_shape)


def _read(stored: LazyArray, file: Path) -> Floats:
    try:
        return np.asarray(stored.read(...), np.float32)
    except MemoryError:
        size = 4 * np.prod(stored.shape) / 2**30
        what = f"the curves of {file} take {size:.1f} GB of memory, which is not there"
        raise UserError(what, "give a smaller file, or fewer points") from None


def _of_table(file: Path) -> CurveFile:
    table = read_curve_table(file)
    for note in table.notes:
        log.info(f"{file.name}: {note}")
    axis = CurveAxis(name=table.name, unit=table.unit)
    return CurveFile(file, table.values[:, None].astype(np.float32), table.at, axis, None)


def _letters(stored: LazyArray, file: Path, axes: str | None) -> str:
    """A letter for each axis of an array."""
    shape = stored.shape
    if axes is not None:
        if len(axes) != len(shape):
            what = f"data.axes={axes} names {len(axes)} axes, but {file} holds an array {shape}"
            example = "N" * (len(shape) - 1) + "L"
            raise UserError(what, f"name {len(shape)}, as in data.axes={example}")
        return axes
    named = stored.axes
    if named is not None and "L" in named:
        return named
    if named is not None and named.count("N") == 1 and {"Y", "X"} <= set(named):
        return named.replace("N", "L")  # rows and columns are named: the rest are points
    if len(shape) == 2:
        return _by_length(file, shape)
    if len(shape) == 3:
        few = shape[1] <= _MOST_CHANNELS < shape[0]
        what, other = (
            ("curves in channels", "a map: data.axes=YXL")
            if few
            else ("a map of rows and columns", "curves in channels: data.axes=NCL")
        )
        log.info(f"{file.name}: an array {shape} is taken for {what}; for {other}")
        return "NCL" if few else "YXL"
    what = f"{file} holds an array of shape {shape}, which may hold curves in several ways"
    example = "N" * max(len(shape) - 3, 0) + "YXL"
    raise UserError(what, f"say which, as in data.axes={example}; C are channels, N other curves")


def _by_length(file: Path, shape: tuple[int, ...]) -> str:
    """Curves along the rows, unless only the first axis is as long as an axis beside."""
    has = [bool(_axes_beside(file, n)) for n in shape]
    if has == [True, False] and shape[0] != shape[1]:
        log.info(f"{file.name}: curves lie along the first axis, as the axis beside them does")
        return "LN"
    return "NL"


def _in_order(array: Floats, letters: str) -> tuple[Floats, tuple[int, int] | None]:
    """Curves (N, C, L), those of a map row by row, and its (rows, columns)."""
    order = [i for wanted in "NYXCL" for i, letter in enumerate(letters) if letter == wanted]
    moved = array.transpose(order)
    is_map, n_channels = "Y" in letters, array.shape[letters.index("C")] if "C" in letters else 1
    places = (array.shape[letters.index("Y")], array.shape[letters.index("X")]) if is_map else None
    flat = moved.reshape(-1, n_channels, array.shape[letters.index("L")])
    return np.ascontiguousarray(flat), places


def _axis_of(
    stored: LazyArray, file: Path, n: int, axis_key: str | None
) -> tuple[npt.NDArray[np.float64] | None, CurveAxis]:
    """Values of the n points, if known, and name and unit of the axis."""
    if stored.curve_axis is not None and axis_key is None:
        return stored.curve_axis.values(n), stored.curve_axis
    found = _axes_beside(file, n)
    if axis_key is not None:
        name = axis_key.strip("/")
        if name not in found:
            what = f"data.axis_key={axis_key} is no data set of {n} rising values in {file}"
            raise UserError(what, f"there is {', '.join(found) or 'none'}")
    else:
        known = [name for word in _AXIS_NAMES for name in found
                 if name.rsplit("/", 1)[-1].lower() == word]  # fmt: skip
        name = known[0] if known else next(iter(found), "")
        if len(found) > 1 and not known:
            log.info(f"{file.name}: {name} is taken for the axis; data.axis_key names another of "
                     f"{', '.join(found)}")  # fmt: skip
    if not name:
        return None, CurveAxis()
    short, unit = name_and_unit(name.rsplit("/", 1)[-1])
    return found[name], CurveAxis(name=short, unit=unit or _unit(file, name))


def _axes_beside(file: Path, n: int) -> dict[str, npt.NDArray[np.float64]]:
    """Data sets of n rising or falling numbers in the same file, by name."""
    found = {}
    for name in names_beside(file, n):
        values = read_beside(file, name)
        if values.dtype.kind in "iuf" and is_monotonic(values.astype(np.float64)):
            found[name] = values.astype(np.float64)
    return found


def _unit(file: Path, name: str) -> str:
    """Unit of a data set of an HDF5 file, in one of its attributes."""
    if file.suffix.lower() not in HDF5:
        return ""
    with h5py.File(file) as opened:
        attributes = opened[name].attrs
        value = next((attributes[k] for k in ("units", "unit") if k in attributes), "")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def same_axes(parts: Sequence[CurveFile]) -> None:
    """Raise a `UserError` unless all files have curves of one kind, at the same points."""
    first = parts[0]
    for other in parts[1:]:
        if other.values.shape[1:] != first.values.shape[1:]:
            sizes = [f"{p.values.shape[1]} × {p.values.shape[2]}" for p in (other, first)]
            what = f"{other.file} has curves of {sizes[0]} (channels × points), "
            raise UserError(f"{what}{first.file} of {sizes[1]}", "give files of one kind")
        both = first.at is not None and other.at is not None
        if both and not np.allclose(first.at, other.at, rtol=1e-6, atol=1e-9):  # type: ignore[arg-type]
            what = f"the axis of {other.file} is another than that of {first.file}"
            raise UserError(what, "give files of one axis, or learn from each by itself")
