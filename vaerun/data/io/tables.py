"""Values per image: columns of tables, and data sets in the same file as the images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vaerun.data.io.delimited_text import DelimitedText, Row, read_delimited
from vaerun.data.io.formats import HDF5, ZARR, ending, readable
from vaerun.data.io.hdf5 import data_sets
from vaerun.data.io.lazy_array import Array
from vaerun.data.io.matlab import matlab_arrays
from vaerun.data.io.numpy_files import npz_arrays
from vaerun.data.io.written_numbers import are_numbers, decimal_sign, to_numbers
from vaerun.data.io.zarr_files import all_arrays
from vaerun.utils.errors import UserError
from vaerun.utils.paths import exists, expanded, missing


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Attributes
    ----------
    path
        The file.
    key
        Config key and value that named it, for messages.
    columns
        Text (N,) of each column by its name.
    lines
        (N,) number of each row's line.
    is_blank
        (N,) whether a row has no text, and is only as many separators.
    is_empty
        (N,) whether a row has not even separators.
    text
        What was assumed about the text.
    """

    path: Path
    key: str
    columns: dict[str, Array]
    lines: Array
    is_blank: Array
    is_empty: Array
    text: DelimitedText

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, name: str) -> list[str]:
        """Text of a column."""
        cells: list[str] = self.columns[name].tolist()
        return cells

    def numbers(self, name: str) -> list[float | None]:
        """Numbers of a column; NaN for an empty cell, None for one that is no number."""
        cells = self.cells(name)
        usual = {",": ".", ";": "," if any("," in cell for cell in cells) else "."}
        return to_numbers(cells, self._decimal_sign or usual.get(self.text.separator))

    @cached_property
    def has_decimal_commas(self) -> bool:
        """Whether the numbers show that commas are decimal."""
        return self._decimal_sign == ","

    @cached_property
    def _decimal_sign(self) -> str | None:
        """The decimal sign that the numbers show; None if they show none, or both."""
        shown = {
            decimal_sign(cells) for name in self.columns if are_numbers(cells := self.cells(name))
        }
        return shown.pop() if len(shown := shown - {None}) == 1 else None


def read_table(
    path: str | Path, wanted: Sequence[str] = (), known: Iterable[str] = (), key: str = ""
) -> Table:
    """The table in a text file, whatever its encoding and separator.

    Parameters
    ----------
    path
        As typed.
    wanted, known
        Names of columns, and further words that it may hold; see `read_delimited`.
    key
        Config key and value, for messages; empty: ``data.table=path``.

    Raises
    ------
    UserError
        If there is no such file, it is no table, or a wanted column is there twice.
    """
    key = key or f"data.table={path}"
    file = expanded(path)
    if not exists(file):
        raise missing(f"{key} cannot be read: it is not there", file, "give a CSV file")
    text = read_delimited(file, key, wanted, known)
    for name in wanted:
        if (n := text.names.count(name)) > 1:
            raise UserError(f"{key} has {n} columns {name}", "give each a name of its own")
    return as_table(text, file, key)


def as_table(text: DelimitedText, file: Path, key: str) -> Table:
    """The columns of a text; raises a `UserError` if it has no rows, or one of another length."""
    names, rows = text.names, text.rows
    if not names or not any(any(row.cells) for row in rows):
        raise UserError(f"{key} has no rows", "give a line of names and then one for each image")
    padded = [_padded(row, names, key, text.separator) for row in rows]
    columns = dict(zip(names, np.array(padded).T, strict=True))
    return Table(
        path=file,
        key=key,
        columns=columns,
        lines=np.array([row.line for row in rows]),
        is_blank=np.array([not any(row.cells) for row in rows]),
        is_empty=np.array([not any(row.cells) and len(row.cells) < 2 for row in rows]),
        text=text,
    )


def _padded(row: Row, names: Sequence[str], key: str, separator: str) -> list[str]:
    """The cells of a row, as many as there are names; raises a `UserError` if it has others."""
    missing_names = names[len(row.cells) :]
    if len(row.cells) > len(names) or (any(row.cells) and any(missing_names)):
        hint = f"give {len(names)}, as many as there are names of columns"
        if separator == "," and len(row.cells) > len(names):
            hint += "; where commas are decimal, separate columns by semicolons"
        raise UserError(f"{key}, line {row.line} has {len(row.cells)} values", hint)
    return [*row.cells, *("" for _ in missing_names)]


def names_beside(file: Path, *sides: int) -> list[str]:
    """Names of data sets in an HDF5, npz, zarr or MATLAB file with a value for each of n images.

    ``sides`` are n, or rows and columns of a map.
    """
    shapes = readable(file, lambda: _shapes(file))
    wanted = {sides, (*sides, 1), (1, *sides)}
    return [name for name, shape in shapes.items() if shape in wanted]


def read_beside(file: Path, name: str) -> Array:
    """A data set in an HDF5, npz, zarr or MATLAB file with a value per image, (n,)."""
    return readable(file, lambda: _read(file, name))


def _arrays(file: Path) -> Mapping[str, Any] | None:
    """All arrays of an npz or zarr file, or of MATLAB's before version 7.3; None of others."""
    kind = ending(file)
    if kind == ".npz":
        return npz_arrays(file)
    if kind in ZARR:
        return all_arrays(file)
    return matlab_arrays(file) if kind == ".mat" and not h5py.is_hdf5(file) else None


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    if (arrays := _arrays(file)) is not None:
        return {name: tuple(array.shape) for name, array in arrays.items()}
    if file.suffix.lower() in HDF5 or h5py.is_hdf5(file):
        with h5py.File(file) as opened:
            return {name: shape for name, (shape, _) in data_sets(opened).items()}
    return {}


def _read(file: Path, name: str) -> Array:
    if (arrays := _arrays(file)) is not None:
        return _plain(np.asarray(arrays[name][...]))
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
