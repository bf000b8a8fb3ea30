"""Numbers as people of any country write them."""

import math

import pytest

from vaerun.data.io.written_numbers import decimal_sign, is_number, to_numbers, unproven


@pytest.mark.parametrize(
    ("cells", "numbers", "sign"),
    [
        (["0,5", "-1,25", "3"], [0.5, -1.25, 3], ","),
        (["1.100,5", "2"], [1100.5, 2], ","),
        (["1,100.5", "2"], [1100.5, 2], "."),
        (["1,234,567", "1,5e3"], [1234567, None], None),
        (["1 100", "1\u00a0100", "1\u202f100.5", "1'100"], [1100, 1100, 1100.5, 1100], "."),
        (["1,5E+03", "\u22123"], [1500, -3], ","),
        (["0.5", ".5", "1.", "1e-3"], [0.5, 0.5, 1, 0.001], "."),
        (["1.234", "2.345"], [1.234, 2.345], None),
        (["1_0", "x", "1.2.3", "12-3"], [None] * 4, None),
    ],
)
def test_a_column_shows_its_decimal_sign(cells: list, numbers: list, sign: str | None):
    assert to_numbers(cells, None) == numbers
    assert decimal_sign(cells) == sign


@pytest.mark.parametrize(("sign", "meant"), [(",", 1.1), (".", 1100), (None, None)])
def test_what_the_column_leaves_open_the_table_says(sign: str | None, meant: float | None):
    assert to_numbers(["1,100"], sign) == [meant]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan"])
def test_an_empty_cell_is_no_fault(cell: str):
    (number,) = to_numbers([cell], ",")
    assert number is not None
    assert math.isnan(number)


def test_digits_with_underscores_are_a_word():
    assert not is_number("2024_03")
    assert is_number("-2.5e3")


@pytest.mark.parametrize("cell", ["NA", "#N/A", "n/a", "-", "None"])
def test_what_other_programs_write_for_no_number_is_missing(cell: str):
    first, second = to_numbers([cell, "1,5"], None)
    assert first is not None
    assert math.isnan(first)
    assert second == 1.5


def test_a_comma_that_nothing_explains_is_pointed_out():
    assert unproven(["2", "1,100"]) == "1,100"
    assert unproven(["1,100", "0,5"]) is None
    assert unproven(["1.5", "2"]) is None
