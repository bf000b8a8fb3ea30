"""Centres of patches in frames: on a grid, at given points, along edges.

Patches around given points or along edges may extend beyond their frame, see
`vaerun.data.lazy.frame_patches.inside`.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import contourpy
import numpy as np
import numpy.typing as npt

from vaerun.utils.errors import UserError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_COLUMNS = ("frame", "row", "column")
_MOST_FRAMES = 2**31  # more than any movie has; fits an int64


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
        A `.csv` whose first line names its columns: ``row``, ``column`` and, for several frames,
        ``frame``, counted from 0; others are ignored. Or a `.npy` array (N, 2) of row and column
        or (N, 3) of frame, row and column. Rows and columns are pixels.

    Raises
    ------
    UserError
        If the file is missing, is of another format, or holds no points.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".npy": _read_npy}
    if path.suffix.lower() not in readers:
        raise UserError(f"{path} is neither .csv nor .npy", "give points as one of these")
    if not path.is_file():
        raise UserError(f"{path} is not there", "give a file of points")
    table, lines = readers[path.suffix.lower()](path)
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


def _read_csv(path: Path) -> tuple[Floats, Sequence[str]]:
    """Frame, row and column (N, 3), and the line of each point as text."""
    points: list[list[float]] = []
    lines: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip().lower() for name in next(reader, [])]
            chosen = _columns(path, names)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                where = f"line {reader.line_num}"
                if len(cells) != len(names):
                    what = f"{path}, {where} has {len(cells)} values"
                    raise UserError(what, f"give {len(names)}")
                points.append([_number(path, where, n, cells[i]) for n, i in chosen.items()])
                lines.append(where)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not readable text", "save it as CSV in UTF-8") from error
    table = np.array(points, np.float64).reshape(len(points), len(chosen))
    return _with_frame(table), lines


def _columns(path: Path, names: Sequence[str]) -> dict[str, int]:
    """The index of each known column in a line; ``frame`` may be missing."""
    missing = [name for name in _COLUMNS[1:] if name not in names]
    if missing:
        raise UserError(
            f"{path}, line 1 names no {' and no '.join(missing)}",
            "begin with a line of column names: frame,row,column, or row,column for one frame",
        )
    return {name: names.index(name) for name in _COLUMNS if name in names}


def _number(path: Path, where: str, name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise UserError(f"{path}, {where}: {name}={cell!r} is no number", "correct it") from error


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
