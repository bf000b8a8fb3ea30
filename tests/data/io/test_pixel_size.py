"""Lengths in nm from any unit; None for what is no length."""

import logging
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector
from vaerun.data.io.pixel_size import (
    PixelSize,
    imagej_pixel_size,
    length_nm,
    ome_pixel_sizes,
    pixel_size,
)
from vaerun.data.io.read_frames import read

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
    assert ome_pixel_sizes(OME.format('PhysicalSizeX="1e-5"')) == [(pytest.approx(0.01), 1)]
    sides = 'PhysicalSizeX="0.2" PhysicalSizeXUnit="Å" PhysicalSizeY="6e-5"'
    assert ome_pixel_sizes(OME.format(sides)) == [(pytest.approx(0.02), pytest.approx(3))]


@pytest.mark.parametrize("xml", [None, "", "<OME", f'<OME xmlns="{SCHEMA}"/>'])
def test_without_ome_metadata_there_are_no_pixel_sizes(xml: str | None):
    assert ome_pixel_sizes(xml) == []
    assert ome_pixel_sizes(OME.format('PhysicalSizeX="x"')) == [PixelSize()]


def test_imagej_counts_pixels_per_unit():
    size = imagej_pixel_size({"unit": "nm"}, (300, 12), (300, 6))
    assert size == (pytest.approx(0.02), pytest.approx(2))
    for metadata, fraction in (({"unit": "nm"}, (0, 1)), ({"unit": "inch"}, (300, 1)),
                               ({}, (300, 1)), (None, None)):  # fmt: skip
        assert imagej_pixel_size(metadata, fraction, fraction) == PixelSize()


def test_pixels_are_oblong_in_any_unit_and_square_in_two_units():
    assert PixelSize.of(3, 2, "1/nm", "1/nm") == (None, 1.5)
    assert PixelSize.of(3, 2, "nm", "s") == PixelSize()
    assert PixelSize.of(1e-3, 0.5, "um", "nm") == (0.5, 2)
    assert PixelSize.of(1.005, 1, "nm", "nm") == (1, 1)  # rounded
    assert PixelSize.of(-3, 2, "nm", "nm") == (2, 1)


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        ({"pixel_size_nm": [0.04, 0.02]}, (0.02, 2)),
        ({"pixel_size_nm": [1.0, 0.02, 0.02]}, (0.02, 1)),  # of planes, rows and columns
        ({"element_size_um": [1.0, 3e-5, 2e-5]}, (0.02, 1.5)),
        ({"pixel_size_nm": [1.0] * 4}, (None, 1)),
    ],
)
def test_the_sides_of_a_pixel_may_be_those_of_the_axes(
    facts: dict[str, object], size: tuple[float | None, float]
):
    assert pixel_size(facts, 30) == pytest.approx(size)


IMAGE = np.arange(600, dtype=np.uint16).reshape(20, 30)


def _ome(path: Path) -> None:
    facts = {"axes": "YX", "PhysicalSizeX": 2e-5, "PhysicalSizeY": 4e-5}
    tifffile.imwrite(path, IMAGE, ome=True, metadata=facts)


def _imagej(path: Path) -> None:
    tifffile.imwrite(path, IMAGE, imagej=True, resolution=(50, 25), metadata={"unit": "nm"})


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = IMAGE
        file["a"].attrs["pixel_size_nm"] = [0.04, 0.02]


def _hspy(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["Experiments/a/data"] = IMAGE
        for i, scale in enumerate((0.04, 0.02)):
            axis = file.create_group(f"Experiments/a/axis-{i}")
            axis.attrs.update({"navigate": False, "scale": scale, "units": "nm"})


def _gsf(path: Path) -> None:
    head = b"Gwyddion Simple Field 1.0\nXRes = 30\nYRes = 20\nXReal = 6e-10\nYReal = 8e-10\n"
    head += b"XYUnits = m\n"
    path.write_bytes(head + bytes(4 - len(head) % 4) + IMAGE.astype("<f4").tobytes())


@pytest.mark.parametrize(
    ("name", "write"),
    [("x.ome.tif", _ome), ("x.tif", _imagej), ("x.h5", _hdf5), ("x.hspy", _hspy), ("x.gsf", _gsf)],
)
def test_oblong_pixels_are_said(
    tmp_path: Path,
    name: str,
    write: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
):
    write(tmp_path / name)
    assert open_array(tmp_path / name, ArraySelector()).aspect == pytest.approx(2)
    with caplog.at_level(logging.WARNING):
        (frame,) = read(str(tmp_path))
    assert frame.pixel_nm == pytest.approx(0.02)
    assert f"pixels of {name} are 0.02 nm wide and 0.04 nm high, and are taken for" in caplog.text
