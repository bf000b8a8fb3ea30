"""Tables in workbooks of Excel (.xlsx, .xlsm), through openpyxl, the extra ``excel``."""

import csv
import io
import zipfile
from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

from vaerun.utils.errors import UserError

_CONTENTS = "xl/workbook.xml"


class Sheet(NamedTuple):
    """The text of a sheet, a line for each row and tabs between cells, and which one it is.

    ``note`` is empty where the workbook has no other.
    """

    text: str
    note: str


def is_workbook(file: Path) -> bool:
    """Whether a file is a workbook of Excel since 2007."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _CONTENTS in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read_sheet(file: Path, key: str, wanted: Sequence[str]) -> Sheet:
    """The first sheet of a workbook that has all wanted names among its cells, else the first.

    Cells are as Excel last computed them: no formula is evaluated.

    Raises
    ------
    UserError
        If openpyxl is not installed, the file is broken, or no cell has anything in it.
    """
    try:
        import openpyxl
    except ImportError:
        what = f"{key} is a workbook of Excel, which takes openpyxl"
        raise UserError(what, "pip install 'vaerun[excel]', or save it as 'CSV UTF-8'") from None
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        tables = {one.title: [list(row) for row in one.values] for one in book.worksheets}
        book.close()
    except Exception as error:  # noqa: BLE001  whatever a broken file makes its parser raise
        words = " ".join(str(error).split())[:120]
        what = f"{key} cannot be read ({type(error).__name__}: {words})"
        raise UserError(what, "open it in Excel and save it as 'CSV UTF-8'") from None
    filled = {name: rows for name, rows in tables.items() if any(map(any, rows))}
    if not filled:
        raise UserError(f"{key} has no rows", "give a line of names and then one for each image")
    fitting = [name for name, rows in filled.items() if _has(rows, wanted)]
    chosen = (fitting or list(filled))[0]
    note = f"sheet '{chosen}' of {len(tables)}" if len(tables) > 1 else ""
    return Sheet(_as_text(filled[chosen]), note)


def _has(rows: Sequence[Sequence[Any]], wanted: Collection[str]) -> bool:
    """Whether a row of a sheet has all the wanted names."""
    names = set(wanted)
    return any(names <= {_cell(value).strip() for value in row} for row in rows)


def _as_text(rows: Sequence[Sequence[Any]]) -> str:
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, delimiter="\t", lineterminator="\n")
    for row in rows:
        writer.writerow(map(_cell, row))
    return lines.getvalue()


def _cell(value: object) -> str:
    """A cell as text; whole numbers without a point, which Excel does not tell from others."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value)
