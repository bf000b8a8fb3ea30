"""Files of Velox and other programs that end in .emd."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector
from vaerun.utils.errors import UserError

RAMP = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)


def velox(path: Path, **detectors: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        for i, (name, stack) in enumerate(detectors.items()):
            group = file.create_group(f"Data/Image/{i:032x}")
            group["Data"] = np.moveaxis(stack, 0, -1)
            facts = {"Detector": name, "PixelUnitX": "m", "PixelSize": {"width": "2e-11"}}
            text = json.dumps({"BinaryResult": facts}).encode() + bytes(9)
            group["Metadata"] = np.repeat(np.frombuffer(text, np.uint8)[:, None], len(stack), 1)


def read(path: Path, key: str | None = None) -> tuple[np.ndarray, float | None]:
    wanted = ArraySelector(key, 8)
    stored = open_array(path, wanted)
    axes = axes_of(stored, path, wanted, frames=False)
    return images(stored, axes, 0, axes.n)[:, 0], stored.pixel_nm


def test_frames_of_velox_are_along_the_last_axis_and_named_by_detector(tmp_path: Path):
    path = tmp_path / "x.emd"
    velox(path, HAADF=RAMP, BF=RAMP[:1])
    path.chmod(0o444)  # it is not changed
    found, pixel_nm = read(path)
    np.testing.assert_array_equal(found, RAMP)
    assert pixel_nm == pytest.approx(0.02)
    np.testing.assert_array_equal(read(path, "BF")[0], RAMP[:1])
    with pytest.raises(
        UserError, match=r"data\.key=ADF is no array .*did you mean data\.key=HAADF"
    ):
        read(path, "ADF")


def test_an_image_without_readable_metadata_has_no_pixel_size(tmp_path: Path):
    path = tmp_path / "x.emd"
    velox(path, HAADF=RAMP)
    with h5py.File(path, "a") as file:
        (group,) = file["Data/Image"].values()
        group["Metadata"][:5] = 0
    found, pixel_nm = read(path)
    np.testing.assert_array_equal(found, RAMP)
    assert pixel_nm is None


def test_other_files_are_read_as_hdf5(tmp_path: Path):
    with h5py.File(tmp_path / "x.emd", "w") as file:
        file["data/scan/data"] = RAMP
    np.testing.assert_array_equal(read(tmp_path / "x.emd")[0], RAMP)
