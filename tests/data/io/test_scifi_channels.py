"""Channels and axes as SciFiReaders returns them, by a reader that stands in for its own."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.read_frames import read
from vaerun.utils.errors import UserError

IMAGE = np.arange(20 * 30, dtype=np.float64).reshape(20, 30)


class Axis(np.ndarray):
    """An axis as sidpy has them."""

    units: str
    dimension_type: types.SimpleNamespace


def axis(n: int, kind: str, units: str = "nm") -> Axis:
    values = (3.0 + 0.02 * np.arange(n)).view(Axis)
    values.units, values.dimension_type = units, types.SimpleNamespace(name=kind)
    return values


def channel(array: np.ndarray, kind: str, *axes: Axis) -> np.ndarray:
    """A data set as SciFiReaders gives them: an array with a type and calibrated axes."""

    class Data(np.ndarray):
        pass

    data = array.view(Data)
    data.data_type = types.SimpleNamespace(name=kind)
    for i, one in enumerate(axes):
        setattr(data, f"dim_{i}", one)
    return data


@pytest.fixture
def scifi(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Channels that the readers of a fake SciFiReaders return; a test fills them."""
    channels: dict[str, np.ndarray] = {}

    class Reader:
        def __init__(self, path: str) -> None:
            assert Path(path).is_file()

        def read(self) -> dict[str, np.ndarray]:
            return channels

    module = types.SimpleNamespace(DMReader=Reader, MDTReader=Reader)
    monkeypatch.setitem(sys.modules, "SciFiReaders", module)
    return channels


@pytest.mark.parametrize(
    ("ending", "columns_first"), [("dm3", True), ("dm4", True), ("mdt", False)]
)
def test_files_of_microscopes_go_through_scifireaders(
    tmp_path: Path, scifi: dict[str, np.ndarray], ending: str, columns_first: bool
):
    first, second = axis(20, "SPATIAL"), axis(30, "SPATIAL")
    given = IMAGE.T if columns_first else IMAGE
    scifi["Channel_000"] = channel(given, "IMAGE", first, second)
    scifi["Channel_001"] = channel(np.zeros((40, 40, 40)), "SPECTRAL_IMAGE")
    (tmp_path / f"x.{ending}").touch()
    (frame,) = read(str(tmp_path))
    np.testing.assert_allclose(frame.image, IMAGE)
    assert frame.pixel_nm == pytest.approx(0.02)


def test_frames_of_a_microscopes_stack_may_be_the_last_axis(
    tmp_path: Path, scifi: dict[str, np.ndarray]
):
    movie = np.random.default_rng(0).normal(size=(3, 20, 30))
    sides = [axis(30, "SPATIAL", "A"), axis(20, "SPATIAL", "A")]
    scifi["a"] = channel(movie.T.copy(), "IMAGE_STACK", *sides, axis(3, "TEMPORAL", "frame"))
    scifi["b"] = channel(movie.T.copy(), "IMAGE_STACK")
    (tmp_path / "x.dm4").touch()
    with pytest.raises(UserError, match=r"a, b — choose one by data\.key=a"):
        read(str(tmp_path))
    frames = read(str(tmp_path), key="a")
    np.testing.assert_allclose([frame.image for frame in frames], movie, rtol=1e-6)
    assert [frame.pixel_nm for frame in frames] == [None] * 3  # ampere?
