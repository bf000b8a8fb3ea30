"""Zarr's folders and zip files: plain arrays, groups, xarray's dimensions, OME-Zarr."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import find_files, open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray
from vaerun.data.io.read_frames import read
from vaerun.data.io.tables import names_beside, read_beside
from vaerun.utils.errors import UserError

MOVIE = np.random.default_rng(0).random((6, 20, 30), np.float32)


def group(path: Path, zarr_format: int = 3) -> Any:
    """A new group in a folder."""
    zarr = pytest.importorskip("zarr", reason="zarr, of the extra formats, is not installed")
    return zarr.open_group(str(path), mode="w", zarr_format=zarr_format)


def opened(path: Path, **selector: object) -> tuple[LazyArray, np.ndarray]:
    """The array of a file, and all its images."""
    wanted = ArraySelector(min_side=8, **selector)
    stored = open_array(path, wanted)
    axes = axes_of(stored, path, wanted, frames=False)
    return stored, images(stored, axes, 0, axes.n)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_folder_and_a_zip_file_of_zarr_are_one_file_each(tmp_path: Path, zarr_format: int):
    root = group(tmp_path / "x.zarr", zarr_format)
    root.create_array("scan/images", data=MOVIE, chunks=(2, 20, 30))
    root.create_array("label", data=np.arange(6))
    shutil.make_archive(str(tmp_path / "x.zarr"), "zip", tmp_path / "x.zarr")
    for path in find_files(str(tmp_path)):
        np.testing.assert_array_equal(opened(path)[1][:, 0], MOVIE)
        assert names_beside(path, 6) == ["label"]
        np.testing.assert_array_equal(read_beside(path, "label"), np.arange(6))
    assert [path.name for path in find_files(str(tmp_path))] == ["x.zarr", "x.zarr.zip"]


def test_a_bare_array_has_its_named_dimensions_and_attributes(tmp_path: Path):
    zarr = pytest.importorskip("zarr", reason="zarr, of the extra formats, is not installed")
    names = {"dimension_names": ("y", "x", "time"), "attributes": {"pixel_size_nm": 0.02}}
    array = zarr.create_array(str(tmp_path / "x.zarr"), shape=(20, 30, 6), dtype="f4", **names)
    array[...] = np.moveaxis(MOVIE, 0, -1)
    stored, found = opened(tmp_path / "x.zarr")
    np.testing.assert_array_equal(found[:, 0], MOVIE)
    assert (stored.axes, stored.pixel_nm) == ("YXN", 0.02)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_is_read_at_full_resolution_with_its_pixels(
    tmp_path: Path, version: str, caplog: pytest.LogCaptureFixture
):
    root = group(tmp_path / "x.ome.zarr", 2 if version == "0.4" else 3)
    axes = [{"name": "t"}, *({"name": name, "unit": "micrometer"} for name in "yx")]
    datasets = []
    for i, step in enumerate((1, 2)):
        root.create_array(str(i), data=MOVIE[:, ::step, ::step])
        scale = {"type": "scale", "scale": [1, 4e-5 * step, 2e-5 * step]}
        datasets.append({"path": str(i), "coordinateTransformations": [scale]})
    facts = {"multiscales": [{"version": version, "axes": axes, "datasets": datasets}]}
    root.attrs.update(facts if version == "0.4" else {"ome": facts})
    with caplog.at_level(logging.INFO):
        frames = read(str(tmp_path))
    np.testing.assert_array_equal([frame.image for frame in frames], MOVIE)
    assert frames[0].pixel_nm == pytest.approx(0.02)
    assert "x.ome.zarr are 0.02 nm wide and 0.04 nm high" in caplog.text
    assert "1 copies of lower resolution are left out" in caplog.text


def test_numbered_arrays_are_a_stack_and_others_are_said(tmp_path: Path):
    root = group(tmp_path / "x.zarr")
    for i, image in enumerate(MOVIE):
        root.create_array(f"frame_{i}", data=image)
    root.create_array("mean", data=MOVIE.mean(0))
    stored, found = opened(tmp_path / "x.zarr")
    np.testing.assert_array_equal(found[:, 0], MOVIE)
    assert "frame_0 to frame_5 are one stack of 6 parts" in stored.notes[0]
    assert "1 other array(s) of the same sides left out (mean)" in stored.notes[1]
    np.testing.assert_array_equal(opened(tmp_path / "x.zarr", key="mean")[1][0, 0], MOVIE.mean(0))


def test_a_folder_of_zarr_by_another_name_is_said_to_be_one(tmp_path: Path):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / ".zgroup").touch()
    with pytest.raises(UserError, match=r"scan is a folder of zarr.* — mv .*scan' 'scan\.zarr'"):
        find_files(str(tmp_path / "scan"))
