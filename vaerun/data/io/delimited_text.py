"""Text of tables as any program of any country saves it: encoding, separator, names, rows."""

import codecs
import csv
import io
import locale
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vaerun.data.io.spreadsheet import is_workbook, read_sheet
from vaerun.utils.errors import UserError
from vaerun.utils.text import as_text

_BY_MARK = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32",
            codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
            codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
# Of Excel and others in each part of the world, the likeliest first.
_NATIONAL = ("cp1252", "mac_roman", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030",
             "cp949", "big5", "koi8_r", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp850",
             "cp852", "cp866", "cp437", "latin-1")  # fmt: skip
_NO_TEXT = {
    b"PK\x03\x04": "an archive or a workbook, not text",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel, not text",
    b"\x89HDF": "an HDF5 file, not text",
    b"\x93NUMPY": "an array of NumPy, not text",
    b"%PDF": "a PDF, not text",
}
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_CONTROL = [chr(i) for i in range(32) if chr(i) not in "\t\n\v\f\r"]  # not in text
_COMMENT = ("#", "%", "//")
_PREAMBLE = 50  # lines at most, before the names of the columns
_GLANCE = 200  # rows that a separator is tried on


class Row(NamedTuple):
    """Cells of a line, without spaces around them, and its number from 1."""

    line: int
    cells: list[str]


class DelimitedText(NamedTuple):
    """Names of columns, rows below them, and what the text did not say of itself.

    ``encoding`` is that of the text; ``separator`` the character between columns; ``n_skipped``
    the number of lines that were comments; ``sheet`` which one of a workbook it is, if of several.
    """

    names: list[str]
    rows: list[Row]
    encoding: str
    separator: str
    n_skipped: int
    line_of_names: int
    sheet: str = ""

    @property
    def is_guessed(self) -> bool:
        """Whether the encoding is a guess."""
        return self.encoding not in _BY_MARK.values() and self.encoding != "utf-8"

    @property
    def is_assumed(self) -> bool:
        """Whether more was assumed than of commas, semicolons or tabs in UTF-8."""
        usual = self.encoding in ("utf-8", "utf-8-sig") and self.separator in ",;\t"
        return not usual or bool(self.n_skipped) or bool(self.sheet)

    def __str__(self) -> str:
        lines = f"{self.n_skipped} line{'s' * (self.n_skipped > 1)}"
        skipped = f", {lines} of comment left out" if self.n_skipped else ""
        if self.sheet:
            return f"{self.sheet}{skipped}"
        return f"{self.encoding}, separated by {_SEPARATORS[self.separator]}{skipped}"


def read_delimited(
    file: Path, key: str, wanted: Sequence[str], known: Iterable[str] = ()
) -> DelimitedText:
    """Names and rows of a table.

    Parameters
    ----------
    file
        The file, which exists.
    key
        Config key and value of the table, for messages.
    wanted
        Names of columns that are needed. They tell separator, encoding and the line of names.
    known
        Further text that may be in it, such as names of files. It tells the encoding.
    """
    if is_workbook(file):
        decoded, sheet = read_sheet(file, key, wanted)
        return _of_text(decoded, "utf-8", ["\t"], key, wanted)._replace(sheet=sheet)
    raw = _read(file, key)
    encoding = _encoding(raw, key, [*wanted, *known])
    decoded = raw.decode(encoding)
    if sum(map(decoded.count, _CONTROL)) * 100 > len(decoded):
        raise UserError(f"{key} cannot be read: it is no text", "save it as CSV in UTF-8")
    return _of_text(decoded, encoding, list(_SEPARATORS), key, wanted)


def _of_text(
    decoded: str, encoding: str, separators: Sequence[str], key: str, wanted: Sequence[str]
) -> DelimitedText:
    """Names and rows of a text whose separator is one of some."""
    lines = list(io.StringIO(decoded.replace("\0", ""), newline=""))
    first = lines[0].strip().strip('"').lower() if lines else ""
    n_above = 0
    if first.startswith("sep=") and len(first) <= 5:  # what Excel obeys and hides
        separators, n_above = [first[4:] or "\t"], 1
    some = lines[: _GLANCE + _PREAMBLE]
    fits = {one: _Layout.of(some, one, wanted, n_above, key).fit for one in separators}
    separator = max(separators, key=lambda one: fits[one])  # the first of equals
    best = _Layout.of(lines, separator, wanted, n_above, key)
    rows = [Row(line, _trimmed(cells, len(best.names))) for line, cells in best.rows]
    return DelimitedText(
        best.names, rows, encoding, best.separator, best.n_skipped, best.line_of_names
    )


def _read(file: Path, key: str) -> bytes:
    """The bytes of a file of text."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        what = f"{key} cannot be read ({error.strerror})"
        raise UserError(what, "give a CSV file") from None
    for mark, kind in _NO_TEXT.items():
        if raw.startswith(mark):
            hint = "open it there and save it as 'CSV UTF-8'"
            raise UserError(f"{key} cannot be read: it is {kind}", hint)
    return raw


def _encoding(raw: bytes, key: str, known: Sequence[str]) -> str:
    """Encoding of a text, by its mark, by its zeros, or as the one that shows what is known."""
    for mark, name in sorted(_BY_MARK.items(), key=lambda item: -len(item[0])):
        if raw.startswith(mark):
            return _checked(raw, name, key)
    start = raw[:4096]
    if b"\0" in start:  # UTF-16 without a mark: every other byte of plain letters is zero
        by_half = {"utf-16-le": start[1::2].count(0), "utf-16-be": start[::2].count(0)}
        name = max(by_half, key=lambda one: by_half[one])
        if by_half[name] * 4 < len(start) / 2:
            raise UserError(f"{key} cannot be read: it is no text", "save it as CSV in UTF-8")
        return _checked(raw, name, key)
    if _decodes(raw, "utf-8"):
        return "utf-8"
    return _national(raw, [text for text in map(as_text, known) if not text.isascii()])


def _checked(raw: bytes, encoding: str, key: str) -> str:
    if not _decodes(raw, encoding):
        what = f"{key} cannot be read: it begins as {encoding} and is not"
        raise UserError(what, "save it as CSV in UTF-8")
    return encoding


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _national(raw: bytes, known: Sequence[str]) -> str:
    """The encoding that shows most of what is known, else of this computer, else the likeliest."""
    here = codecs.lookup(locale.getpreferredencoding(False)).name
    usual = [here] if here not in ("utf-8", "ascii") else []
    candidates = [name for name in (*usual, *_NATIONAL) if _decodes(raw, name)]

    def n_shown(name: str) -> int:
        text = as_text(raw.decode(name))
        return sum(word in text for word in known[:_GLANCE])

    return max(candidates, key=n_shown)  # the first of equals; latin-1 decodes everything


class _Layout(NamedTuple):
    """Lines parted by one separator."""

    separator: str
    names: list[str]
    rows: list[Row]
    n_skipped: int
    line_of_names: int
    # wanted columns that are there; whether rows are as wide as the names; columns, if so; columns
    fit: tuple[int, bool, int, int]

    @classmethod
    def of(
        cls, lines: Sequence[str], separator: str, wanted: Sequence[str], n_above: int, key: str
    ) -> "_Layout":
        rows = list(_parted(lines[n_above:], separator, n_above, key))
        at, names = _head(rows, separator, wanted)
        below = [row for row in rows[at + 1 :] if not _is_comment(row, len(names))]
        n_skipped = sum(any(row.cells) for row in rows) - sum(any(row.cells) for row in below) - 1
        if separator in " \t" and _has_row_names(names, below):
            names = ["", *names]
        seen = [row for row in below[:_GLANCE] if any(row.cells)]
        is_even = all(len(_trimmed(row.cells, len(names))) == len(names) for row in seen)
        there = {as_text(name).casefold() for name in names}
        n_there = len({as_text(name).casefold() for name in wanted} & there)
        # spaces are within words more often than between columns
        n_columns = 1 if separator == " " else len(names)
        fit = (n_there, is_even and len(names) > 1, n_columns * is_even, n_columns)
        line = rows[at].line if at < len(rows) else 1
        return cls(separator, names, below, max(n_skipped, 0), line, fit)


def _parted(lines: Sequence[str], separator: str, n_above: int, key: str) -> Iterator[Row]:
    """The cells of each line; a cell in quotes may go on over several."""
    if separator == " ":
        lines = [line.strip() for line in lines]
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator == " ")
    try:
        for cells in reader:
            yield Row(reader.line_num + n_above, [_plain(cell) for cell in cells])
    except csv.Error as error:
        what = f"{key} cannot be read: line {reader.line_num + n_above} ({error})"
        raise UserError(what, "look for a quotation mark without its other half") from None


def _plain(cell: str) -> str:
    """A cell without spaces around it, of any width, and with composed accents."""
    return as_text(cell.strip().strip("\ufeff\u200b").strip())


def _head(rows: Sequence[Row], separator: str, wanted: Sequence[str]) -> tuple[int, list[str]]:
    """Where the names of the columns are among the rows, and the names.

    That is the first line that is no comment, unless a wanted column is named by another one
    near the top: below a title of fewer cells, or in a comment, as NumPy writes it.
    """
    looked_for = {as_text(name).casefold() for name in wanted}
    first = next(
        (i for i, row in enumerate(rows) if any(row.cells) and not _is_comment(row, 0)), None
    )
    chosen = (len(rows), list[str]()) if first is None else (first, rows[first].cells)
    most = len(looked_for & {name.casefold() for name in chosen[1]})
    widest_above = 0
    for i, row in enumerate(rows[:_PREAMBLE]):
        is_comment = _is_comment(row, 0)
        names = _uncommented(row, separator) if is_comment else row.cells
        n_found = len(looked_for & {name.casefold() for name in names})
        if n_found > most and (is_comment or widest_above < len(names)):
            chosen, most = (i, names), n_found
        if not is_comment:
            widest_above = max(widest_above, sum(map(bool, row.cells)))
    return chosen


def _is_comment(row: Row, width: int) -> bool:
    """Whether a row is a remark: it begins as one, and has not the cells of a row of data."""
    return bool(row.cells) and row.cells[0].startswith(_COMMENT) and len(row.cells) != width


def _uncommented(row: Row, separator: str) -> list[str]:
    """The cells of a comment without the sign that it begins with."""
    mark = next(mark for mark in _COMMENT if row.cells[0].startswith(mark))
    first = row.cells[0][len(mark) :].strip()
    return [first, *row.cells[1:]] if first or separator != " " else row.cells[1:]


def _has_row_names(names: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether each row begins with a name of its own that the first line has none for, as of R."""
    filled = [row.cells for row in rows if any(row.cells)]
    longer = bool(filled) and all(len(cells) == len(names) + 1 for cells in filled)
    return longer and len({cells[0] for cells in filled}) == len(filled) and filled[0][-1] != ""


def _trimmed(cells: list[str], width: int) -> list[str]:
    """Cells less empty ones that go beyond the names."""
    end = len(cells)
    while end > max(width, 1) and not cells[end - 1]:
        end -= 1
    return cells[:end]
