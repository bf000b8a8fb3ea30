"""The window of intensities: by the numbers, whatever their type, and not by a few pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun.data.datasets import images
from vaerun.data.image_set import as_tensor

N = 40
Load = Callable[..., tuple[torch.Tensor, str]]


def blobs(top: float, low: float = 0.0) -> np.ndarray:
    """Smooth images (N, 20, 20) from ``low`` to ``top``."""
    row, column = np.mgrid[:20, :20] - 9.5
    width = np.linspace(2, 8, N)[:, None, None]
    return low + (top - low) * np.exp(-(row**2 + column**2) / width**2)


@pytest.fixture
def load(tmp_path: Path, config: Callable, caplog: pytest.LogCaptureFixture) -> Load:
    """All images of an array as a model sees them, and what the log says."""

    def run(array: np.ndarray, **changes: object) -> tuple[torch.Tensor, str]:
        np.save(tmp_path / "x.npy", array)
        caplog.clear()
        with caplog.at_level("INFO", "vaerun"):
            splits = images.load(config("x.npy", **changes), 0)
        both = [as_tensor(part.images) for part in (splits.train, splits.val)]
        return torch.cat(both), caplog.text

    return run


@pytest.mark.parametrize("top", [2, 9])
def test_the_same_numbers_are_the_same_images_in_any_type(load: Load, top: int):
    counts = np.round(blobs(top))
    wide, said = load(counts.astype(np.uint16))
    narrow, also = load(counts.astype(np.uint8))
    torch.testing.assert_close(narrow, wide, rtol=0, atol=0)
    assert "became 0 to 1" in also
    assert "normalise" not in said


def test_bytes_that_use_little_of_their_range_are_noted_and_stay(load: Load):
    found, said = load(np.round(blobs(90)).astype(np.uint8))
    assert float(found.max()) == pytest.approx(89 / 255)
    assert "none above 89: data.normalise=set spreads" in said
    assert "normalise=" not in load(np.round(blobs(200)).astype(np.uint8))[1]


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32, np.float64])
def test_a_hot_pixel_does_not_set_the_window(load: Load, kind: type):
    clean = np.round(blobs(600, 100)).astype(kind)
    hot = clean.copy()
    hot[7, 3, 4] = 65535
    wanted, _ = load(clean)
    found, said = load(hot)
    assert "a small part of 100 to 65535" in said
    assert "data.normalise=set" in said
    torch.testing.assert_close(found, wanted.where(found < 1, 1), rtol=0, atol=0)
    plain, also = load(hot, normalise="set")  # as asked
    assert float(plain.median()) < 0.01
    assert "data.clip_percent=0.1" in also


@pytest.mark.parametrize("share", [0.0005, 0.004])
def test_outliers_that_may_be_meant_are_noted_and_stay(load: Load, share: float):
    array = blobs(600, 100)
    rays = np.random.default_rng(0).random(array.shape) < share
    array[rays] = np.random.default_rng(1).uniform(2e4, 6e4, int(rays.sum()))
    found, said = load(array)
    assert float(found.median()) < 0.02
    assert "fill less than a twentieth" in said
    assert "data.scale=log" in said
    quiet = load(array, clip_percent=1.0)[1], load(array, scale="log")[1]
    assert not any("twentieth" in text for text in quiet)


def test_small_bright_objects_are_no_outliers(load: Load):
    array = np.zeros((N, 20, 20))
    array[:, 5:9, 5:9] = 1000.0
    found, said = load(array + np.random.default_rng(0).random(array.shape))
    assert "clipped" not in said
    assert "twentieth" not in said
    assert found[:, :, 5:9, 5:9].min() > 0.99


def test_a_scale_brings_out_the_dark(load: Load):
    array = np.geomspace(1e-3, 1.0, N * 400).reshape(N, 20, 20)
    plain, _ = load(array, normalise="set")
    root, said = load(array, normalise="set", scale="sqrt")
    torch.testing.assert_close(root, plain.sqrt())
    assert "brightness spread by sqrt" in said
    log, _ = load(array, normalise="set", scale="log")
    assert float(log.min()) == 0
    assert float(log.max()) == 1
    assert float(log.median()) > 0.45 > float(plain.median())


def test_images_in_another_unit_are_counted(load: Load):
    mixed = blobs(1.0)
    mixed[::2] *= 1000
    _, said = load(mixed)
    assert "15 of 30 training images differ by" in said
    assert "data.normalise=image" in said
    _, plain = load(blobs(1.0) * np.linspace(0.01, 1, N)[:, None, None])
    assert "images differ by" not in plain


def test_a_percentage_clips_bytes_too(load: Load):
    dark = np.round(blobs(40)).astype(np.uint8)
    clipped, _ = load(dark, clip_percent=0.5)
    assert clipped.max() == 1.0
    plain, _ = load(dark)
    assert plain.max() == pytest.approx(40 / 255)
