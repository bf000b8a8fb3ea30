"""Values per image: columns of CSV tables, and data sets in the same file as the images."""

import csv
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from vaerun.data.io.formats import HDF5, expanded, readable
from vaerun.data.io.hdf5 import data_sets
from vaerun.data.io.lazy_array import Array
from vaerun.data.io.numpy_files import npz_arrays
from vaerun.utils.errors import UserError

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file by their names in its first line, text (N,) each."""

    path: Path
    columns: dict[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def read_table(path: str) -> Table:
    """The table in a CSV file; its delimiter is the most frequent one in the first line."""
    file = expanded(path)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        what = f"data.table={path} cannot be read ({reason})"
        raise UserError(what, "give a CSV file") from None
    delimiter = max(_DELIMITERS, key=(lines or [""])[0].count)
    names, *rows = [
        [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter) if row
    ] or [[]]
    if not names or not rows:
        hint = "give a line of names and then one for each image"
        raise UserError(f"data.table={path} has no rows", hint)
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None:
        what = f"row {wrong + 1} of data.table={path} has {len(rows[wrong])} columns"
        raise UserError(what, f"give {len(names)}, as its first line does")
    return Table(file, dict(zip(names, np.array(rows).T, strict=True)))


def names_beside(file: Path, n: int) -> list[str]:
    """Names of the data sets in an HDF5 or npz file with one value for each of n images."""
    shapes = readable(file, lambda: _shapes(file))
    return [name for name, shape in shapes.items() if shape in ((n,), (n, 1), (1, n))]


def read_beside(file: Path, name: str) -> Array:
    """A data set in an HDF5 or npz file with one value per image, numbers or text, (n,)."""
    return readable(file, lambda: _read(file, name))


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    if file.suffix.lower() == ".npz":
        return {name: array.shape for name, array in npz_arrays(file).items()}
    if file.suffix.lower() in HDF5 or h5py.is_hdf5(file):
        with h5py.File(file) as opened:
            return {name: shape for name, (shape, _) in data_sets(opened).items()}
    return {}


def _read(file: Path, name: str) -> Array:
    if file.suffix.lower() == ".npz":
        return _plain(npz_arrays(file)[name])
    with h5py.File(file) as opened:
        dataset = opened[name]
        if h5py.check_string_dtype(dataset.dtype) is not None:
            dataset = dataset.asstr(errors="replace")
        return _plain(np.asarray(dataset[()]))


def _plain(values: Array) -> Array:
    """Values flattened to (n,), numbers as they are and others as text."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "S":
        return np.char.decode(flat, "utf-8", "replace")
    return flat if flat.dtype.kind in "biuf" else flat.astype(str)
