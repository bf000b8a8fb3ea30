"""HyperSpy's files: signals as frames, with the pixel size of their axes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from vaerun.data.io.read_frames import read
from vaerun.utils.errors import UserError

MOVIE = np.random.default_rng(0).random((3, 20, 30), np.float32)


def fill(root: Any, data: np.ndarray, navigated: Sequence[bool], **facts: object) -> None:
    """Write one signal as HyperSpy does, into a group of HDF5 or zarr."""
    experiment = root.create_group("Experiments/movie")
    if isinstance(root, h5py.File):
        experiment["data"] = data
    else:
        experiment.create_array("data", data=data, chunks=(1, *data.shape[1:]))
    root.create_group("Experiments/movie/learning_results")
    for i, is_navigated in enumerate(navigated):
        axis = experiment.create_group(f"axis-{i}")
        axis.attrs.update({"navigate": is_navigated, "scale": 1.0, "units": "s"})
        if not is_navigated:
            axis.attrs.update({"scale": 0.02, "units": "nm", **facts})


def test_a_navigated_axis_counts_frames(tmp_path: Path):
    with h5py.File(tmp_path / "x.hspy", "w") as file:
        fill(file, MOVIE, [True, False, False])
    frames = read(str(tmp_path))
    np.testing.assert_array_equal([frame.image for frame in frames], MOVIE)
    assert [frame.pixel_nm for frame in frames] == [pytest.approx(0.02)] * 3


def test_two_navigated_axes_are_a_scan_wherever_they_are(tmp_path: Path):
    scan = np.random.default_rng(1).random((20, 2, 30, 4), np.float32)
    with h5py.File(tmp_path / "x.hspy", "w") as file:
        fill(file, scan, [False, True, False, True], units="1/nm")
    frames = read(str(tmp_path))
    assert [frame.pixel_nm for frame in frames] == [None] * 8  # reciprocal
    np.testing.assert_array_equal(frames[5].image, scan[:, 1, :, 1])


def test_a_spectrum_at_each_point_is_no_image(tmp_path: Path):
    with h5py.File(tmp_path / "x.hspy", "w") as file:
        fill(file, MOVIE, [True, True, False])
    with pytest.raises(UserError, match=r"x\.hspy holds a spectrum .* — give images"):
        read(str(tmp_path))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_folder_of_zarr_is_one_file(tmp_path: Path, zarr_format: int):
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(str(tmp_path / "x.zspy"), mode="w", zarr_format=zarr_format)
    fill(root, MOVIE, [True, False, False])
    for path in (tmp_path, tmp_path / "x.zspy"):
        frames = read(str(path))
        np.testing.assert_array_equal([frame.image for frame in frames], MOVIE)
        assert frames[0].pixel_nm == pytest.approx(0.02)


def test_without_zarr_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    (tmp_path / "x.zspy").mkdir()
    with pytest.raises(UserError, match=r"x\.zspy takes zarr.*pip install 'vaerun\[formats\]'"):
        read(str(tmp_path / "x.zspy"))
