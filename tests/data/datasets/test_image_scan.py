"""What files say of their pixels: oblong ones, several sizes, and numbers that a double rounds."""

import logging
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vaerun.data.datasets import images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.image_set import as_tensor
from vaerun.utils.errors import UserError

STACK = np.random.default_rng(0).random((12, 16, 24), np.float32)
Make = Callable[..., ImagesConfig]


def write(path: Path, **data_sets: float | list[float]) -> None:
    """A file of copies of the stack, with the sizes of their pixels."""
    with h5py.File(path, "w") as file:
        for i, (name, size) in enumerate(data_sets.items()):
            file[name] = np.roll(STACK, i, axis=1)
            file[name].attrs["pixel_size_nm"] = size


def test_oblong_pixels_are_said_and_made_square_on_request(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture
):
    write(tmp_path / "x.h5", a=[0.04, 0.02])
    with caplog.at_level(logging.WARNING):
        plain = images.load(config("x.h5"), 0)
    assert "0.02 nm wide and 0.04 nm high" in caplog.text
    assert "data.resample_nm=0.02 makes them square" in caplog.text
    caplog.clear()
    square = images.load(config("x.h5", resample_nm=0.04), 0)
    assert "nm high" not in caplog.text
    assert (plain.image, square.image) == ((1, 16, 24), (1, 16, 12))


def test_several_pixel_sizes_in_a_file_are_said_and_not_resampled_as_one(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture
):
    write(tmp_path / "x.h5", scan_1=0.02, scan_2=0.05)
    with caplog.at_level(logging.WARNING):
        images.load(config("x.h5"), 0)
    assert "pixels of these images are 0.02 to 0.05 nm" in caplog.text
    with pytest.raises(UserError, match=r"x\.h5 have pixels of 0\.02 nm, 0\.05 nm — name those"):
        images.load(config("x.h5", resample_nm=0.05), 0)
    one = images.load(config("x.h5", resample_nm=0.05, key="scan_2"), 0)
    assert one.image == (1, 16, 24)


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_whole_numbers_that_a_double_rounds_are_counted(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture, kind: type
):
    numbers = (1000 * STACK).astype(kind)
    numbers[3, 4, 5:7] += kind(2**53)
    np.save(tmp_path / "x.npy", numbers)
    with caplog.at_level(logging.WARNING):
        images.load(config("x.npy"), 0)
    assert "2 pixels are whole numbers beyond 9,007,199,254,740,992" in caplog.text
    caplog.clear()
    np.save(tmp_path / "x.npy", (1000 * STACK).astype(kind))
    found = images.load(config("x.npy"), 0)
    assert "whole numbers" not in caplog.text
    assert torch.isfinite(as_tensor(found.train.images)).all()
