"""The user's own images: numbers of any type and range become brightness from 0 to 1."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.datasets import images
from vaerun.data.image_set import DataShape, as_tensor
from vaerun.data.load import load_all
from vaerun.utils.errors import UserError

from .image_files import RAMP, Make, all_of, write


@pytest.mark.parametrize(
    "kind",
    ["?", "i1", "i2", ">u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", "g"],
)
@pytest.mark.parametrize("ending", ["npy", "npz", "h5"])
def test_numbers_of_any_type_span_0_to_1(tmp_path: Path, config: Make, kind: str, ending: str):
    if kind == "g" and ending == "h5":
        pytest.skip("HDF5 keeps long doubles in its own way")
    values = RAMP // 9 % 2 if kind == "?" else RAMP - 900
    if kind == "i1":
        values = RAMP % 200 - 100
    elif "u" in kind:
        values = RAMP + 2**15
    write(tmp_path / f"x.{ending}", values.astype(kind))
    splits = images.load(config(f"x.{ending}"), 0)
    found = as_tensor(splits.train.images)
    assert (float(found.min()), float(found.max())) == (0, 1)
    low, high = splits.window
    wanted = (values[splits.train.index] - low) / (high - low)
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-3 if kind == "f2" else 1e-6)


def test_small_steps_on_a_large_offset_survive(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", (RAMP + 4_000_000_000).astype(np.uint32))
    np.testing.assert_allclose(all_of(config("x.npy"))[:, 0], RAMP / RAMP.max(), rtol=1e-6)


def test_numbers_from_0_to_1_and_of_8_bits_are_taken_as_they_are(tmp_path: Path, config: Make):
    for name, stack, window in [
        ("share", RAMP / RAMP.max() * 0.5 + 0.2, (0, 1)),
        ("mask", (RAMP // 9 % 2).astype(np.uint8), (0, 1)),
        ("bits", (RAMP % 200 + 3).astype(np.uint8), (0, 255)),
        ("bool", RAMP % 3 == 0, (0, 1)),
    ]:
        np.save(tmp_path / f"{name}.npy", stack)
        assert images.load(config(f"{name}.npy"), 0).window == window


def test_a_small_quantity_is_no_share_of_full_brightness(tmp_path: Path, config: Make):
    np.save(tmp_path / "height_in_m.npy", RAMP * 1e-12)
    splits = images.load(config("height_in_m.npy"), 0)
    assert float(as_tensor(splits.train.images).max()) == 1


def test_the_window_is_that_of_the_training_set(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    splits = images.load(config("x.npy"), 3)
    train = RAMP[splits.train.index]
    assert splits.window == (train.min(), train.max())
    assert splits.shape.window == splits.window
    assert DataShape(**dataclasses.asdict(splits.shape)) == splits.shape
    clipped = images.load(config("x.npy", clip_percent=5), 3)
    assert clipped.window == pytest.approx(tuple(np.percentile(train, [5, 95])))


def test_new_images_get_the_window_of_the_run(tmp_path: Path, config: Make):
    np.save(tmp_path / "new.npy", RAMP[:3])
    like = DataShape(image=(1, 10, 14), window=(100.0, 300.0))
    found = load_all(config("new.npy"), 0, like).images
    wanted = np.clip((RAMP[:3] - 100) / 200, 0, 1)
    np.testing.assert_allclose(as_tensor(found.images)[:, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("window", [(0, 1), (0, 1e6), (1680, 9999)])
def test_new_images_in_other_units_are_noted(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture, window: tuple[float, float]
):
    np.save(tmp_path / "new.npy", RAMP)
    logger = logging.getLogger("vaerun")
    logger.addHandler(caplog.handler)  # another test may have let it print
    for like, is_noted in [((0, 1200), False), (window, True)]:
        caplog.clear()
        load_all(config("new.npy"), 0, DataShape(image=(1, 10, 14), window=like))
        assert any("in the same units" in line for line in caplog.messages) == is_noted
    logger.removeHandler(caplog.handler)


def test_each_image_may_have_its_own_window(tmp_path: Path, config: Make):
    stack = RAMP.astype(float)
    stack[4] = 7
    np.save(tmp_path / "x.npy", stack)
    found = all_of(config("x.npy", normalise="image"))
    assert found[4].unique().tolist() == [0]
    ends = [(float(x.min()), float(x.max())) for i, x in enumerate(found) if i != 4]
    assert set(ends) == {(0, 1)}
    clipped = all_of(config("x.npy", normalise="image", clip_percent=10))
    assert float((clipped[0] == 0).float().mean()) == pytest.approx(0.1, abs=0.01)


def test_without_normalising_images_must_be_from_0_to_1(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    with pytest.raises(UserError, match=r"normalise=none, but .* from 0 to .*normalise=auto"):
        images.load(config("x.npy", normalise="none"), 0)
