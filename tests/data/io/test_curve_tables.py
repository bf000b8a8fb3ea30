"""Tables of text: curves as rows or as columns, with or without names."""

import numpy as np
import pytest

from vaerun.data.io.curve_tables import name_and_unit, read_curve_table
from vaerun.utils.errors import UserError

AT = np.linspace(400, 418, 10)
CURVES = np.random.default_rng(0).random((4, 10)).round(4)


def text(*rows, separator=","):
    return "\n".join(separator.join(map(str, row)) for row in rows) + "\n"


def test_columns_named_by_numbers_are_points(tmp_path):
    rows = [["name", *AT], *([f"s{i}", *curve] for i, curve in enumerate(CURVES))]
    (tmp_path / "a.csv").write_text(text(*rows))
    found = read_curve_table(tmp_path / "a.csv")
    np.testing.assert_allclose(found.values, CURVES)
    np.testing.assert_allclose(found.at, AT)
    assert found.notes == ["1 columns are no points of curves and left out"]


def test_a_first_column_that_rises_is_the_axis(tmp_path):
    columns = np.column_stack([AT, CURVES.T])
    (tmp_path / "a.txt").write_text(text(["energy (eV)", "a", "b", "c", "d"], *columns,
                                         separator="\t"))  # fmt: skip
    found = read_curve_table(tmp_path / "a.txt")
    np.testing.assert_allclose(found.values, CURVES)
    np.testing.assert_allclose(found.at, AT)
    assert (found.name, found.unit) == ("energy", "eV")


def test_a_table_without_names_loses_no_row(tmp_path):
    (tmp_path / "a.csv").write_text(text(*np.column_stack([AT, CURVES.T])))
    found = read_curve_table(tmp_path / "a.csv")
    np.testing.assert_allclose(found.values, CURVES)
    (tmp_path / "b.csv").write_text(text(*CURVES))
    rows = read_curve_table(tmp_path / "b.csv")
    np.testing.assert_allclose(rows.values, CURVES)
    assert rows.at is None


def test_decimal_commas_are_read(tmp_path):
    rows = [[str(v).replace(".", ",") for v in row] for row in np.column_stack([AT, CURVES.T])]
    (tmp_path / "a.csv").write_text(text(["x", "a", "b", "c", "d"], *rows, separator=";"))
    np.testing.assert_allclose(read_curve_table(tmp_path / "a.csv").values, CURVES)


def test_a_table_of_words_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,kind\na,b\nc,d\n")
    with pytest.raises(UserError, match=r"a.csv has no column of numbers — give a table"):
        read_curve_table(tmp_path / "a.csv")


def test_a_unit_is_in_brackets():
    assert name_and_unit("Energy loss [eV]") == ("Energy loss", "eV")
    assert name_and_unit(" field ") == ("field", "")
