"""Which row of a table belongs to which image: by a column that names the files, else by order.

A column is known by its cells, whatever its head: ``filename``, ``Image``, ``Pfad``. Paths of
another computer, other endings and other cases of letters are names, too.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from vaerun.data.io.formats import natural_order
from vaerun.data.io.tables import Table
from vaerun.data.io.written_numbers import is_number
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.utils.arrays import evenly
from vaerun.utils.errors import UserError, format_value
from vaerun.utils.text import as_text

# N images.

Ints = npt.NDArray[np.int64]

_RANK = re.compile("rank|order|sort|score|priority", re.IGNORECASE)  # counts, but not images
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_ENDING = re.compile(r"\.[A-Za-z]\w{1,5}$")
_GLANCE = 2000  # files that columns are tried on
_NAMED = 3  # files or cells that a message lists
_ENOUGH = 0.5  # share of the files that a column must name without their endings

log = logging.getLogger(__name__)


def rows_of_images(
    source: ImageFiles, table: Table, folder: Path, used: Iterable[str] = ()
) -> Ints:
    """Row of the table for each image, (N,); −1 for an image that the table does not name.

    Parameters
    ----------
    source
        The images.
    table
        The table.
    folder
        What names in the table are relative to.
    used
        Columns of labels and factors, which name no files.

    Raises
    ------
    UserError
        If the rows are neither as many as the images nor name their files.
    """
    used = set(used)
    column = _column_of_files(source, table, folder, used)
    if column is None:
        return _in_order(source, table, used)
    return _by_name(source, table, column, folder)


@dataclass(frozen=True)
class _Names:
    """Rows of a table by what its cells name."""

    exact: Mapping[str, list[int]]  # by cell, / between folders
    by_last: Mapping[str, list[str]]  # cells by their last part, in small letters
    by_stem: Mapping[str, list[str]]  # likewise without an ending
    by_count: Mapping[str, list[str]]  # likewise with 7 for 007

    @classmethod
    def of(cls, cells: Sequence[str]) -> "_Names":
        exact: dict[str, list[int]] = {}
        for row, cell in enumerate(cells):
            if cell:
                exact.setdefault(PurePosixPath(cell.replace("\\", "/")).as_posix(), []).append(row)
        by_last: dict[str, list[str]] = {}
        by_stem: dict[str, list[str]] = {}
        by_count: dict[str, list[str]] = {}
        for cell in exact:
            last = PurePosixPath(cell).name.casefold()
            by_last.setdefault(last, []).append(cell)
            # the ending of 2.5 is none
            for stem in {last} if is_number(last) else {last, PurePosixPath(last).stem}:
                by_stem.setdefault(stem, []).append(cell)
                by_count.setdefault(_without_zeros(stem), []).append(cell)
        return cls(exact, by_last, by_stem, by_count)

    def cell(self, file: Path, folder: Path) -> tuple[str | None, bool]:
        """The cell that names a file, None if none does; and whether with its ending.

        The very path or name first; then a path of which another folder is the beginning, and
        names in other letters, with another ending or with zeros before a number.
        """
        path = PurePosixPath(as_text(file.as_posix()))
        below = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else ""
        for name, whole in ((as_text(below), True), (path.name, True), (path.stem, False)):
            if name in self.exact:
                return name, whole
        for cells, whole in (
            (self.by_last.get(path.name.casefold(), []), True),
            (self.by_stem.get(path.stem.casefold(), []), False),
            (self.by_count.get(_without_zeros(path.stem.casefold()), []), False),
        ):
            if cells:
                return _closest(cells, path), whole
        return None, False


def _without_zeros(name: str) -> str:
    """A name with its numbers as they are counted, 7 for 007."""
    return _ZEROS.sub("", name)


def _closest(cells: Sequence[str], path: PurePosixPath) -> str | None:
    """The cell that shares most of the folders above a file; None if several share as many."""
    above = [part.casefold() for part in reversed(path.parent.parts)]

    def n_shared(cell: str) -> int:
        parts = [part.casefold() for part in reversed(PurePosixPath(cell).parent.parts)]
        same = [a == b for a, b in zip(above, parts, strict=False)]
        return same.index(False) if False in same else len(same)

    most = max(map(n_shared, cells))
    best = [cell for cell in cells if n_shared(cell) == most]
    return best[0] if len(best) == 1 else None


def _column_of_files(source: ImageFiles, table: Table, folder: Path, used: set[str]) -> str | None:
    """The column that names most of the files; ``file`` where it names any, or is alone."""
    shares: dict[str, float] = {}
    for name in table.columns:
        if name == "file" or name not in used:
            share = _share_named(source, _Names.of(table.cells(name)), folder, name != "file")
            if share:
                shares[name] = share + (name == "file")
    if shares:
        return max(shares, key=lambda name: shares[name])
    return "file" if "file" in table.columns else None


def _share_named(source: ImageFiles, names: _Names, folder: Path, strictly: bool) -> float:
    """Share of the files that some cells name; 0 where these may be no names at all."""
    n_files = len(source.entries)
    some = [source.entries[i] for i in evenly(n_files, _GLANCE)]
    found = [(names.cell(entry.file, folder), entry.axes.n) for entry in some]
    matched = [(cell, n) for (cell, _), n in found if cell is not None]
    share = len(matched) / len(found)
    if not strictly or any(whole and cell for (cell, whole), _ in found):
        return share
    cells = {cell for cell, _ in matched}
    fits = all(len(names.exact[cell]) in (1, n) for cell, n in matched)
    if len(cells) < len(matched) or not fits or share < _ENOUGH:
        return 0.0
    # bare numbers are names only if they are those of all files
    are_all = len(cells) == len(found) and len(names.exact) == n_files
    return share if are_all or not all(map(is_number, cells)) else 0.0


def _by_name(source: ImageFiles, table: Table, column: str, folder: Path) -> Ints:
    """Row for each image by the cells of a column."""
    cells = table.cells(column)
    names = _Names.of(cells)
    parts, named, unnamed = [], set[str](), list[Path]()
    for entry in source.entries:
        name, _ = names.cell(entry.file, folder)
        rows = [-1] if name is None else names.exact[name]
        if name in named or len(rows) not in (1, entry.axes.n):
            if _is_in_order(source, table, cells):
                return np.arange(len(source))
            alike = [e for e in source.entries if names.cell(e.file, folder)[0] == name]
            raise _unclear(table, name, rows, 0 if len(alike) > 1 else entry.axes.n)
        if name is None:
            unnamed.append(entry.file)
        else:
            named.add(name)
        parts.append(np.resize(np.array(rows), entry.axes.n))
    if not named:
        first = next(iter(names.exact), "")
        what = f"{table.key} names no file of data.path ({first}, …)"
        raise UserError(what, "give names as they are in that folder")
    _log_names(table, column, unnamed, [cell for cell in names.exact if cell not in named])
    return np.concatenate(parts)


def _unclear(table: Table, name: str | None, rows: Sequence[int], n: int) -> UserError:
    """The fault of a cell that names several files (n = 0), or a file of n images too often."""
    hint = "give paths from data.path on, one row for each image"
    if not n:
        return UserError(f"{table.key} leaves open which image {format_value(name)} means", hint)
    lines = _listed(str(table.lines[row]) for row in rows)
    what = f"{table.key} names {format_value(name)} in {len(rows)} rows (lines {lines})"
    return UserError(f"{what}, but it has {n:,} image{'s' * (n > 1)}", hint)


def _is_in_order(source: ImageFiles, table: Table, cells: Sequence[str]) -> bool:
    """Whether each row names the file of the image that is as many places from the first."""
    files = [entry.file.name for entry in source.entries for _ in range(entry.axes.n)]
    lasts = [PurePosixPath(cell.replace("\\", "/")).name for cell in cells]
    return not source.skipped and lasts == list(map(as_text, files))


def _log_names(table: Table, column: str, unnamed: list[Path], unused: list[str]) -> None:
    text = f"{table.key}: column '{column}' names the images"
    if unnamed:
        text += f"; {len(unnamed):,} files are in no row ({_listed(f.name for f in unnamed)})"
    if unused:
        text += f"; {len(unused):,} rows name no image ({_listed(unused)})"
    log.info(text)


def _in_order(source: ImageFiles, table: Table, used: set[str]) -> Ints:
    """A row for each image in order, blank lines counted only where that makes them as many."""
    n = len(source)
    last = len(table) - int(np.argmin(table.is_blank[::-1]))  # after the last row with text
    rows = np.arange(len(table))
    choices = [rows[~table.is_empty], rows[:last][~table.is_empty[:last]], rows[:last]]
    chosen = next((one for one in choices if len(one) == n), None)
    if chosen is None or source.skipped:
        images = f"{n}" + (f" and {len(source.skipped)} skipped" * bool(source.skipped))
        what = f"data.table={table.path} has {len(choices[0])} rows for {images} images"
        hint = "give one for each image, or name the files in a column"
        raise UserError(what, hint)
    _check_counters(table, chosen, set(table.columns) - used)
    names = [name for name in table.columns if name not in used and _are_files(table.cells(name))]
    if names:
        cells = [table.cells(names[0])[row] for row in chosen]
        if cells != sorted(cells, key=natural_order):
            what = f"{table.key}: column '{names[0]}' names other files than data.path has"
            hint = (
                f"such as {cells[0]}, and not in order: give the names in that folder, or leave "
            )
            raise UserError(
                what, f"{hint}the column out if the rows go in the order of the images"
            )
        log.warning(
            f"{table.key}: column '{names[0]}' names other files than data.path, so the rows are "
            "taken in the order of the images"
        )
    elif len(source.entries) > 1:
        first = _listed(entry.file.name for entry in source.entries)
        log.info(f"{table.key}: no column names the files, so its rows are {first} in order")
    return chosen


def _are_files(cells: Sequence[str]) -> bool:
    """Whether cells look like names of files: most end in letters after a point."""
    return sum(bool(_ENDING.search(cell)) for cell in cells) > len(cells) / 2


def _check_counters(table: Table, rows: Ints, columns: Iterable[str]) -> None:
    """Raise a `UserError` if a column numbers the images otherwise than the rows stand."""
    counts = np.arange(len(rows))
    for name in sorted(columns):
        numbers = table.numbers(name)
        values = [numbers[row] for row in rows]
        if None in values or len(rows) < 2:
            continue
        order = np.array(values, np.float64)
        is_count = any(np.array_equal(np.sort(order), counts + first) for first in (0, 1))
        if not is_count or np.all(np.diff(order) > 0):
            continue
        what = f"column '{name}' of {table.key} counts from {order.min():g} to {order.max():g}"
        if _RANK.search(name):
            log.warning(f"{what} in another order than its rows, which are taken as they stand")
            continue
        raise UserError(
            f"{what}, but not in the order of the rows",
            "sort the rows by it; if it numbers something else, leave it out or name it by "
            f"data.factors=[{name}]",
        )


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(map(as_text, every[:_NAMED])) + (", …" if len(every) > _NAMED else "")
