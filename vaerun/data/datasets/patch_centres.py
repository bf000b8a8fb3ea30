"""Centres of patches in frames: on a grid, at given points, along edges.

Patches around given points or along edges may extend beyond their frame, see
`vaerun.data.lazy.frame_patches.inside`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import contourpy
import numpy as np
import numpy.typing as npt

from vaerun.data.io.delimited_text import read_delimited
from vaerun.data.io.tables import Table, as_table
from vaerun.utils.errors import UserError
from vaerun.utils.paths import exists, expanded, missing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_COLUMNS = ("frame", "row", "column")
_TEXT = (".csv", ".dat", ".tab", ".tsv", ".txt", ".xlsm", ".xlsx")
_MOST_FRAMES = 2**31  # more than any movie has; fits an int64

log = logging.getLogger(__name__)


class Centres(NamedTuple):
    """Centres of N patches.

    Attributes
    ----------
    frame
        (N,) number of the frame.
    centre
        (N, 2) row and column, pixels.
    """

    frame: Ints
    centre: Floats


def grid(shape: tuple[int, int], size: tuple[int, int], step: float, frame: int = 0) -> Centres:
    """A square grid in the middle of a frame, row by row; all patches are inside the frame.

    Parameters
    ----------
    shape
        (H', W') of the frame; one smaller than a patch has no centres.
    size
        (H, W) of the patches, at least 1.
    step
        Pixels from a patch to the next, above 0; not necessarily an integer.
    frame
        Number of the frame.
    """
    rows, columns = (_evenly(s - n, step) + (n - 1) / 2 for s, n in zip(shape, size, strict=True))
    centre = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    return Centres(np.full(len(centre), frame), centre)


def _evenly(length: float, step: float) -> Floats:
    """As many points as fit into [0, length] at distances ``step``, in its middle."""
    n = int(length / step + 1e-9) if length >= 0 else -1  # gaps
    return (length - n * step) / 2 + step * np.arange(n + 1, dtype=np.float64)


def along_edges(mask: npt.NDArray[np.bool_], step: float, frame: int = 0) -> Centres:
    """Equidistant points along the edges of regions, such as the walls of domains.

    An edge runs half way between pixels inside and outside (marching squares); the border of the
    frame is no edge.

    Parameters
    ----------
    mask
        (H', W') True in the regions, at least 2 × 2, for example frame > threshold.
    step
        Pixels along the edge from a point to the next, above 0; adapted round a closed edge, so
        that the last point is as far from the first.
    frame
        Number of the frame.
    """
    contours = contourpy.contour_generator(
        z=mask.astype(np.float64), line_type=contourpy.LineType.Separate
    )
    lines = [_spaced(np.asarray(line)[:, ::-1], step) for line in contours.lines(0.5)]
    centre = np.concatenate([np.empty((0, 2)), *lines])
    return Centres(np.full(len(centre), frame), centre)


def _spaced(line: Floats, step: float) -> Floats:
    """Equidistant points (m, 2) along a polyline (n, 2) that may be closed."""
    pieces = np.linalg.norm(np.diff(line, axis=0), axis=1)
    path = np.concatenate([[0.0], pieces.cumsum()])
    length = path[-1]
    if np.array_equal(line[0], line[-1]):
        n = max(round(length / step), 1)
        distance = length / n * np.arange(n)
    else:
        distance = _evenly(length, step)
    return np.stack([np.interp(distance, path, axis) for axis in line.T], axis=1)


def from_points(path: str | Path) -> Centres:
    """The points in a file.

    Parameters
    ----------
    path
        A table whose first line names its columns: ``row``, ``column`` and, for several frames,
        ``frame``, counted from 0; others are ignored. Or a `.npy` array (N, 2) of row and column
        or (N, 3) of frame, row and column. Rows and columns are pixels.

    Raises
    ------
    UserError
        If the file is missing, is of another format, or holds no points.
    """
    path = expanded(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npy") and not (exists(path) and suffix in _TEXT):
        raise UserError(f"{path} is neither .csv nor .npy", "give points as one of these")
    if not exists(path):
        raise missing(f"{path} is not there", path, "give a file of points")
    table, lines = _read_npy(path) if suffix == ".npy" else _read_text(path)
    if not len(table):
        raise UserError(f"{path} holds no points", "give one at least")
    frame = table[:, 0]
    finite = np.isfinite(table).all(1)
    counts = (frame >= 0) & (frame < _MOST_FRAMES) & (frame == np.floor(frame))
    for fine, rule in [
        (finite, "give finite numbers"),
        (counts, "count frames from 0, in whole numbers"),
    ]:
        if not fine.all():
            i = int(fine.argmin())
            values = ", ".join(f"{n}={v:g}" for n, v in zip(_COLUMNS, table[i], strict=True))
            raise UserError(f"{path}, {lines[i]}: {values}", rule)
    return Centres(frame.astype(np.int64), table[:, 1:])


def _read_text(path: Path) -> tuple[Floats, Sequence[str]]:
    """Frame, row and column (N, 3), and the line of each point as text."""
    text = read_delimited(path, str(path), _COLUMNS)
    found = {name.casefold(): name for name in text.names}
    missing_names = [name for name in _COLUMNS[1:] if name not in found]
    if missing_names:
        line = text.line_of_names
        raise UserError(
            f"{path}, line {line} names no {' and no '.join(missing_names)}",
            "begin with a line of column names: frame,row,column, or row,column for one frame",
        )
    table = as_table(text, path, str(path)) if any(any(r.cells) for r in text.rows) else None
    if table is None:
        return np.empty((0, 3)), []
    chosen = {name: found[name] for name in _COLUMNS if name in found}
    filled = np.flatnonzero(~table.is_blank)
    columns = [_numbers(table, name, column, filled) for name, column in chosen.items()]
    commas = ", with decimal commas" * table.has_decimal_commas
    if text.is_assumed or commas:
        log.info(f"{path} was read as {text}{commas}")
    lines = [f"line {table.lines[row]}" for row in filled]
    return _with_frame(np.array(columns, np.float64).T), lines


def _numbers(table: Table, name: str, column: str, rows: Ints) -> list[float]:
    """Numbers of the rows that have text; raises a `UserError` at the first that is none."""
    numbers, cells = table.numbers(column), table.cells(column)
    wrong = next((r for r in rows if numbers[r] is None or not cells[r]), None)
    if wrong is not None:
        what = f"{table.path}, line {table.lines[wrong]}: {name}={cells[wrong]!r} is no number"
        if table.text.is_guessed:
            what = f"{table.path} is not readable text"
            raise UserError(what, f"save it as CSV in UTF-8 (line {table.lines[wrong]})")
        raise UserError(what, "correct it")
    return [float(numbers[row] or 0) for row in rows]


def _read_npy(path: Path) -> tuple[Floats, Sequence[str]]:
    """Frame, row and column (N, 3), and the row of each point as text."""
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no .npy array", "save it with numpy.save") from error
    if array.ndim != 2 or array.shape[1] not in (2, 3) or array.dtype.kind not in "iuf":
        raise UserError(
            f"{path} is an array {array.shape} of {array.dtype}",
            "give numbers (N, 2), row and column, or (N, 3), frame, row and column",
        )
    return _with_frame(array.astype(np.float64)), [f"row {i}" for i in range(len(array))]


def _with_frame(table: Floats) -> Floats:
    """Frame, row and column (N, 3); the frame is 0 in a table of row and column."""
    return table if table.shape[1] == 3 else np.insert(table, 0, 0.0, axis=1)
