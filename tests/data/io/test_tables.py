"""Tables as any program of any country saves them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vaerun.data.io.tables import Table, read_table
from vaerun.utils.errors import UserError

WANTED = ["Größe", "angle"]
GERMAN = "Größe;angle\r\ngroß;0,5\r\nklein;-1,25\r\n"


def read(folder: Path, text: str | bytes, encoding: str = "utf-8", **how: object) -> Table:
    path = folder / "known.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_table(str(path), **({"wanted": WANTED} | how))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8-sig"),
        (GERMAN, "cp1252"),
        (GERMAN, "mac_roman"),
        (GERMAN, "cp850"),
        (GERMAN.replace(";", "\t"), "utf-16"),
        (GERMAN.replace(";", "\t"), "utf-16-le"),
        (GERMAN, "utf-32"),
        ("sep=;\r\n" + GERMAN, "cp1252"),
        (GERMAN.replace(";", "|"), "utf-8"),
        (GERMAN.replace(";", "   "), "utf-8"),
        ("# measured in May; by hand\n" + GERMAN, "utf-8"),
        ("Experiment 5;\r\n;\r\n" + GERMAN, "utf-8"),
        ("# " + GERMAN, "utf-8"),
        (GERMAN.replace("\r\n", ";;\r\n"), "utf-8"),
        (GERMAN.replace("\r\n", "\r"), "utf-8"),
        ("Größe,angle\ngroß,0.5\nklein,-1.25\n", "utf-8"),
        ('Größe,angle\n"groß","0,5"\n"klein","-1,25"\n', "utf-8"),
        ("Gro\u0308ße,angle\ngro\u00df,0.5\nklein,-1.25\n", "utf-8"),
        ('"Größe" "angle"\n"1" "groß" 0.5\n"2" "klein" -1.25\n', "utf-8"),  # R
    ],
)
def test_a_table_is_read_as_any_program_saves_it(tmp_path: Path, text: str, encoding: str):
    table = read(tmp_path, text, encoding)
    assert [cell for cell in table.cells("Größe") if cell] == ["groß", "klein"]
    assert [number for number in table.numbers("angle") if number == number] == [0.5, -1.25]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp932", "サイズ"), ("gb18030", "大小"), ("cp1251", "размер"), ("cp1250", "wielkość")],
)
def test_the_name_of_a_column_tells_the_encoding(tmp_path: Path, encoding: str, name: str):
    table = read(tmp_path, f"{name},x\n1,2\n", encoding, wanted=[name])
    assert list(table.columns) == [name, "x"]


def test_names_of_files_tell_the_encoding(tmp_path: Path):
    table = read(tmp_path, "file,kind\nпроба.tif,2\n", "cp1251", wanted=["kind"], known=["проба"])
    assert table.cells("file") == ["проба.tif"]
    assert str(table.text) == "cp1251, separated by commas"


def test_a_line_separator_in_a_cell_ends_no_row(tmp_path: Path):
    table = read(tmp_path, "kind,note\na,one\u2028two\x0bthree\nb,\x85\n", wanted=["kind"])
    assert table.cells("kind") == ["a", "b"]
    assert table.cells("note")[0] == "one\u2028two\x0bthree"


def test_thousands_are_known_from_the_other_columns(tmp_path: Path):
    table = read(tmp_path, "a;b\n0,5;1.100\n1,5;2.345\n", wanted=["a"])
    assert table.has_decimal_commas
    assert table.numbers("b") == [1100, 2345]


def test_points_alone_are_decimal_whatever_the_separator(tmp_path: Path):
    table = read(tmp_path, "a;b\n1.100;2\n2.345;1\n", wanted=["a"])
    assert table.numbers("a") == [1.1, 2.345]


def test_a_label_that_is_like_a_name_is_no_line_of_names(tmp_path: Path):
    table = read(tmp_path, "kind,x\nwide,1\nthin,2\n", wanted=["wide"])
    assert list(table.columns) == ["kind", "x"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"PK\x03\x04...", r"it is an archive or a workbook.*save it as 'CSV UTF-8'"),
        (b"\x00\x01\x02\x03" * 99, r"it is no text — save it as CSV in UTF-8"),
        (b"\xff\xfea", r"begins as utf-16 and is not"),
        (b"", r"has no rows — give a line of names"),
        (b"angle\n", r"has no rows"),
        (b"angle,angle\n1,2\n", r"has 2 columns angle — give each a name"),
        (b"a,angle\n1,0,5\n", r"line 2 has 3 values — give 2, .*separate columns by semicolons"),
        (b"a,angle\n1,2\n\n3\n", r"line 4 has 1 values — give 2"),
        (b'a,angle\n"' + b"x" * 200_000 + b"\n", r"line .*quotation mark without its other half"),
    ],
)
def test_what_is_no_table_is_told_as_what_it_is(tmp_path: Path, content: bytes, line: str):
    with pytest.raises(UserError, match=line):
        read(tmp_path, content)


def test_a_mistyped_table_is_not_there(tmp_path: Path):
    (tmp_path / "known.csv").touch()
    with pytest.raises(UserError, match=r"it is not there — did you mean known\.csv; looked for"):
        read_table(str(tmp_path / "knwon.csv"))


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Writes a workbook of sheets by name; tests are skipped where openpyxl is not installed."""
    openpyxl = pytest.importorskip("openpyxl")

    def write(**sheets: list[list[object]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "known.xlsx")
        return tmp_path / "known.xlsx"

    return write


def test_a_workbook_is_read_as_the_same_text_would_be(workbook: Callable[..., Path]):
    rows = [["made by hand"], [], ["file", "kind", "dose"], ["a\tb.tif", 2, 0.5], ["c.tif", None]]
    table = read_table(workbook(only=rows), ["kind"])
    assert table.cells("file") == ["a\tb.tif", "c.tif"]
    assert table.cells("kind") == ["2", ""]
    assert table.numbers("dose")[0] == 0.5
    assert table.lines.tolist() == [4, 5]


def test_of_several_sheets_the_one_with_the_wanted_columns_is_read_and_named(
    workbook: Callable[..., Path],
):
    path = workbook(notes=[["hello"]], empty=[], data=[["file", "kind"], ["a.tif", "x"]])
    table = read_table(path, ["kind"])
    assert table.cells("kind") == ["x"]
    assert str(table.text) == "sheet 'data' of 3"
    assert table.text.is_assumed
    with pytest.raises(UserError, match=r"has no rows"):
        read_table(workbook(one=[], two=[]))


def test_no_formula_is_evaluated_and_a_broken_workbook_is_named(workbook: Callable[..., Path]):
    path = workbook(only=[["kind"], ["=1+1"], [3]])
    assert read_table(path, ["kind"]).cells("kind") == ["", "3"]
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], content.replace(b"xl/work", b"xl/wark")):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="cannot be read"):
            read_table(path, ["kind"])


def test_a_workbook_names_the_package_that_it_takes(
    workbook: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    path = workbook(only=[["kind"], [1]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"takes openpyxl — pip install 'vaerun\[excel\]', or"):
        read_table(path, ["kind"])
