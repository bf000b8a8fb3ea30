"""Digits are those of the files, in the poses that accompany them."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun import geometry
from vaerun.data.datasets.mnist import MnistConfig, place
from vaerun.data.load import load
from vaerun.utils.errors import UserError

from ..conftest import N_TRAIN, N_VAL

Make = Callable[..., MnistConfig]
REAL = Path(
    os.environ.get("VAERUN_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data" / "mnist"
)


@pytest.fixture
def digit() -> torch.Tensor:
    """Two digits of noise with an empty rim, which no quarter turn or small shift loses."""
    pixels = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.pad(pixels[..., 4:-4, 4:-4], (4, 4, 4, 4))


@pytest.mark.usefixtures("on_disk")
def test_unrotated_digits_are_the_bytes_over_255(digits: Make, arrays: list[np.ndarray]) -> None:
    splits = load(digits(), seed=0)
    for got, pixels, label in zip(
        (splits.train, splits.val), arrays[::2], arrays[1::2], strict=True
    ):
        np.testing.assert_array_equal(got.images[:, 0].numpy(), pixels / np.float32(255))
        assert got.label.tolist() == label.tolist()
        assert got.factors == {}


@pytest.mark.usefixtures("on_disk")
def test_index_counts_through_the_training_then_the_test_file(digits: Make) -> None:
    splits = load(digits(), seed=0)
    assert splits.train.index.tolist() == list(range(N_TRAIN))
    assert splits.val.index.tolist() == list(range(N_TRAIN, N_TRAIN + N_VAL))


@pytest.mark.usefixtures("on_disk")
def test_a_part_is_the_same_digits_in_the_same_poses_as_in_the_whole(digits: Make) -> None:
    whole = load(digits(rotation_deg=90.0), seed=1).train
    part = load(digits(rotation_deg=90.0, train_size=3), seed=1).train
    assert part.index.tolist() == sorted(part.index.tolist())
    assert torch.equal(part.images, whole.images[part.index])
    assert torch.equal(part.factors["angle"], whole.factors["angle"][part.index])


@pytest.mark.usefixtures("on_disk")
def test_which_digits_make_a_part_depends_on_the_seed(digits: Make) -> None:
    parts = {tuple(load(digits(train_size=3), seed).train.index.tolist()) for seed in range(8)}
    assert len(parts) > 1


def test_positive_quarter_turn_is_counter_clockwise_as_displayed(digit: torch.Tensor) -> None:
    turned = place(digit, {"angle": torch.full((2,), math.pi / 2)}, 28)
    torch.testing.assert_close(turned, digit.rot90(1, dims=(2, 3)), rtol=0, atol=1e-4)


def test_whole_pixel_shifts_move_the_digit_down_and_right(digit: torch.Tensor) -> None:
    shift = {"shift_row": torch.tensor([2.0, 0.0]), "shift_column": torch.tensor([-3.0, 1.0])}
    got = place(digit, shift, 28)
    torch.testing.assert_close(got[0], digit[0].roll((2, -3), (1, 2)), rtol=0, atol=1e-4)
    torch.testing.assert_close(got[1], digit[1].roll((0, 1), (1, 2)), rtol=0, atol=1e-4)


def test_a_larger_field_has_the_digit_in_its_middle(digit: torch.Tensor) -> None:
    want = torch.nn.functional.pad(digit, (11, 11, 11, 11))
    torch.testing.assert_close(place(digit, {}, 50), want, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("on_disk")
def test_train_and_validation_poses_are_independent_and_within_the_range(digits: Make) -> None:
    splits = load(digits(rotation_deg=90.0, shift_px=3.0), seed=0)
    for name, limit in (("angle", math.pi / 2), ("shift_row", 3), ("shift_column", 3)):
        train, val = splits.train.factors[name], splits.val.factors[name]
        assert not torch.isin(val, train).any()
        assert limit / 4 < float(train.abs().max()) <= limit


def test_normal_angles_have_the_stated_width_and_stay_on_the_circle(
    digits: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaerun.data.datasets import mnist

    n, blank = 4000, mnist._Digits(np.zeros((4000, 28, 28), np.uint8), np.zeros(4000, np.uint8))
    monkeypatch.setattr(mnist, "_read", lambda _: (blank, blank))
    angle = load(digits(rotation_sd_deg=45.0, val_size=1), seed=0).train.factors["angle"]
    # sd of a sd of n normal values: sd / √(2n)
    assert float(angle.std()) == pytest.approx(math.pi / 4, abs=5 * math.pi / 4 / (2 * n) ** 0.5)
    assert float(angle.abs().max()) <= math.pi


@pytest.mark.usefixtures("on_disk")
def test_unposed_digits_are_the_bytes_of_the_same_digits_in_the_middle(
    digits: Make, arrays: list[np.ndarray]
) -> None:
    config = digits(rotation_deg=180.0, shift_sd_px=5.0, field=50, val_size=3)
    val = load(config, seed=1).val
    unposed = val.select_unposed(torch.tensor([2, 0]))
    assert unposed is not None
    chosen = val.index[[2, 0]].numpy() - N_TRAIN
    want = np.pad(arrays[2][chosen] / np.float32(255), ((0, 0), (11, 11), (11, 11)))
    np.testing.assert_allclose(unposed.images[:, 0].numpy(), want, atol=1e-4)
    assert unposed.label.tolist() == arrays[3][chosen].tolist()
    assert not any(bool(values.any()) for values in unposed.factors.values())


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real MNIST in {REAL}")
def test_real_digits_are_the_unposed_ones_turned_and_shifted(digits: Make) -> None:
    config = digits(root=str(REAL), rotation_deg=180.0, shift_sd_px=3.0, field=50, val_size=40)
    val = load(config, seed=0).val
    unposed = val.select_unposed(torch.arange(40))
    assert unposed is not None
    shift = torch.stack([val.factors["shift_row"], val.factors["shift_column"]], dim=1)
    matrix = geometry.rotation(val.factors["angle"])
    again = geometry.warp(unposed.images, matrix, shift * geometry.pixel_size(50, 50))
    torch.testing.assert_close(again, val.images, rtol=0, atol=1e-3)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize(("key", "available"), [("train_size", N_TRAIN), ("val_size", N_VAL)])
def test_a_size_above_what_there_is_is_refused(digits: Make, key: str, available: int) -> None:
    line = (
        f"data.{key}=99 is more than the {available} images there are — "
        f"set data.{key} to {available} or less, or to null for all"
    )
    with pytest.raises(UserError, match=f"^{line}$"):
        load(digits(**{key: 99}), seed=0)


def test_uniform_and_normal_exclude_each_other(digits: Make) -> None:
    line = (
        "data.shift_px=2 and data.shift_sd_px=3 exclude each other — "
        "set data.shift_px=0 or data.shift_sd_px=0"
    )
    with pytest.raises(UserError, match=f"^{line}$"):
        digits(shift_px=2.0, shift_sd_px=3.0)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real MNIST in {REAL}")
def test_the_real_files_are_the_well_known_digits(digits: Make) -> None:
    splits = load(digits(root=str(REAL)), seed=0)
    assert splits.train.label[:5].tolist() == [5, 0, 4, 1, 9]
    assert float(splits.train.images.mean()) == pytest.approx(0.1307, abs=1e-4)
    assert splits.val.label.bincount().tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


@pytest.fixture
def many_digits(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Ten blank digits of each class but seven of class 3, in random order: the labels."""
    from vaerun.data.datasets import mnist

    rng = np.random.default_rng(0)
    label = rng.permutation(np.repeat(np.arange(10), [10, 10, 10, 7, *[10] * 6])).astype(np.uint8)
    pixels = rng.integers(0, 256, (len(label), 28, 28), np.uint8)
    digits = mnist._Digits(pixels, label)
    monkeypatch.setattr(mnist, "_read", lambda _: (digits, mnist._Digits(pixels[:9], label[:9])))
    return label


def test_labelled_digits_are_so_many_of_each_class_where_they_lie(
    digits: Make, many_digits: np.ndarray
) -> None:
    splits = load(digits(labelled_per_class=7), seed=0, labelled=True)
    labelled = splits.labelled
    assert labelled is not None
    assert labelled.label.bincount().tolist() == [7] * 10
    assert labelled.index.unique().tolist() == labelled.index.tolist()  # each once, in order
    assert labelled.label.tolist() == many_digits[labelled.index.numpy()].tolist()
    assert torch.equal(labelled.images, splits.train.images[labelled.index])


def test_which_digits_are_labelled_depends_on_the_seed(
    digits: Make, many_digits: np.ndarray
) -> None:
    def index(seed: int) -> list[int]:
        labelled = load(digits(labelled_per_class=2), seed, labelled=True).labelled
        assert labelled is not None
        return labelled.index.tolist()

    assert index(1) == index(1)
    assert index(1) != index(2)


@pytest.mark.usefixtures("many_digits")
def test_labelled_digits_have_poses_of_their_own_and_change_no_other(digits: Make) -> None:
    config = digits(labelled_per_class=7, rotation_deg=90.0)
    without, beside = load(config, seed=3), load(config, seed=3, labelled=True)
    for one, two in zip(without.parts, beside.parts, strict=False):
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.factors["angle"], two.factors["angle"])
    assert beside.labelled is not None
    angle = beside.labelled.factors["angle"]
    assert math.pi / 4 < float(angle.abs().max()) <= math.pi / 2
    for others in without.parts:
        assert not torch.isin(angle, others.factors["angle"]).any()


@pytest.mark.usefixtures("many_digits")
def test_more_labelled_digits_than_the_rarest_class_has_are_refused(digits: Make) -> None:
    line = (
        "data.labelled_per_class=8 is more than the 7 images of the rarest class — "
        "set data.labelled_per_class to 7 or less"
    )
    with pytest.raises(UserError, match=f"^{line}$"):
        load(digits(labelled_per_class=8), seed=0, labelled=True)
