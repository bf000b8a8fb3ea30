"""Curves in tables of text: a row for each, or a column for each beside that of their axis."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.data.io.delimited_text import DelimitedText, Row, read_delimited
from vaerun.data.io.tables import as_table
from vaerun.data.io.written_numbers import are_numbers, to_numbers
from vaerun.utils.errors import UserError

Floats = npt.NDArray[np.float64]

# N curves of L points.

TEXT = (".csv", ".tsv", ".txt", ".dat")
_FEWEST_NAMES = 8  # columns named by rising numbers that are an axis
_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*")


class TableCurves(NamedTuple):
    """Curves (N, L) of a table, values (L,) of their points if it has them, and notes."""

    values: Floats
    at: Floats | None
    name: str
    unit: str
    notes: list[str]


def read_curve_table(file: Path) -> TableCurves:
    """The curves in a text file.

    Columns named by rising or falling numbers are points of curves, one a row. Else, if the first
    column rises or falls throughout, it is the axis, and every other column a curve. Else every
    row is a curve.

    Raises
    ------
    UserError
        If it is no table of numbers.
    """
    key = f"data.path={file}"
    text = read_delimited(file, key, [])
    names = text.names
    points = _numbers(names) if len(names) >= _FEWEST_NAMES else None
    at_points = points is not None and is_monotonic(points[np.isfinite(points)])
    if not at_points and are_numbers(names) and any(names):  # no line of names
        first = Row(text.line_of_names, list(names))
        text = text._replace(names=[str(i) for i in range(len(names))], rows=[first, *text.rows])
    matrix, numeric, notes = _matrix(text, file, key)
    if not at_points and (word := _word_among_numbers(names)) is not None:
        line = text.line_of_names
        notes.append(f"line {line} is taken for names, since '{word}' in it is no number")
    if at_points and points is not None:
        is_point = np.isfinite(points) & numeric
        n_others = len(names) - int(is_point.sum())
        left = [f"{n_others} columns are no points of curves and left out"] if n_others else []
        return TableCurves(matrix[:, is_point], points[is_point], "", "", left)
    matrix = matrix[:, numeric]
    if matrix.shape[1] > 1 and is_monotonic(matrix[:, 0]):
        name = text.names[int(np.flatnonzero(numeric)[0])]
        name, unit = name_and_unit("" if are_numbers([name]) else name)
        note = "the first column is the axis, every other a curve"
        return TableCurves(matrix[:, 1:].T, matrix[:, 0], name, unit, [note, *notes])
    return TableCurves(matrix, None, "", "", ["every row is a curve", *notes])


def name_and_unit(text: str) -> tuple[str, str]:
    """Name and unit of ``energy (eV)`` or ``energy [eV]``; no unit without brackets."""
    match = _UNIT.fullmatch(text)
    return (text.strip(), "") if match is None else (match["name"], match["unit"].strip())


def is_monotonic(values: Floats) -> bool:
    """Whether three or more values rise throughout, or fall."""
    steps = np.diff(values)
    return len(values) > 2 and bool((steps > 0).all() or (steps < 0).all())


def _word_among_numbers(names: list[str]) -> str | None:
    """The first name that is no number, where most of them are; None otherwise."""
    words = [name for name in names if not are_numbers([name])]
    return words[0] if words and len(words) < len(names) / 2 else None


def _numbers(names: list[str]) -> Floats:
    """Names as numbers; NaN for those that are none."""
    found = to_numbers(names, ".")
    return np.array([np.nan if value is None else value for value in found])


def _matrix(
    text: DelimitedText, file: Path, key: str
) -> tuple[Floats, npt.NDArray[np.bool_], list[str]]:
    """Numbers of the rows and columns of a table, which columns are numeric, and notes."""
    own = [f"{i}" for i in range(len(text.names))]  # names may be there twice
    table = as_table(text._replace(names=own), file, key)
    columns = [table.numbers(name) for name in own]
    numeric = np.array([None not in column for column in columns])
    if not numeric.any():
        raise UserError(f"{key} has no column of numbers", "give a table of curves")
    matrix = np.array(
        [[np.nan] * len(table) if None in column else column for column in columns], np.float64
    ).T
    kept = ~table.is_blank
    n_words = int((~numeric).sum())
    notes = [f"{n_words} columns are no numbers and left out"] if n_words else []
    return matrix[kept], numeric, notes
