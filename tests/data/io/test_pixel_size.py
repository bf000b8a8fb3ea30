"""Lengths in nm from any unit; None for what is no length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaerun.data.io.pixel_size import imagej_pixel_nm, length_nm, ome_pixel_nm

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
OME = f'<OME xmlns="{SCHEMA}"><Image><Pixels {{}}/></Image></OME>'


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nm", 1),
        ("pm", 1e-3),
        ("\u00c5", 0.1),  # the letter
        ("\u212b", 0.1),  # the sign
        (" Angstrom", 0.1),
        ("micron", 1e3),
        ("\u00b5m", 1e3),  # micro sign
        ("\u03bcm", 1e3),  # Greek mu
        (r"\u00B5m", 1e3),  # as ImageJ spells it out
    ],
)
@given(value=st.floats(1e-3, 1e3))
def test_a_length_is_turned_into_nm(unit: str, nm: float, value: float):
    assert length_nm(value, unit) == pytest.approx(value * nm)
    assert length_nm(str(value), unit) == pytest.approx(value * nm)


@pytest.mark.parametrize("unit", ["inch", "pixel", "A", "", None, "1/nm"])
def test_a_unit_that_is_none_of_atoms_is_not_believed(unit: str | None):
    assert length_nm(3.0, unit) is None


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "NA", None, [1, 2]])
def test_what_is_no_length_is_not_believed(value: object):
    assert length_nm(value, "nm") is None


def test_ome_means_micrometres_where_it_names_no_unit():
    assert ome_pixel_nm(OME.format('PhysicalSizeX="1e-5"')) == pytest.approx(0.01)
    with_unit = OME.format('PhysicalSizeX="0.2" PhysicalSizeXUnit="Å"')
    assert ome_pixel_nm(with_unit) == pytest.approx(0.02)


@pytest.mark.parametrize(
    "xml", [None, "", "<OME", OME.format(""), OME.format('PhysicalSizeX="x"')]
)
def test_without_ome_metadata_there_is_no_pixel_size(xml: str | None):
    assert ome_pixel_nm(xml) is None


def test_imagej_counts_pixels_per_unit():
    assert imagej_pixel_nm({"unit": "nm"}, (300, 6)) == pytest.approx(0.02)
    assert imagej_pixel_nm({"unit": "nm"}, (0, 1)) is None
    assert imagej_pixel_nm({"unit": "inch"}, (300, 1)) is None
    assert imagej_pixel_nm({}, (300, 1)) is None
    assert imagej_pixel_nm(None, None) is None
