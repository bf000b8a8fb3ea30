"""Drawn cards carry exactly the factors that accompany them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaerun import geometry
from vaerun.data.datasets.card_suits import SUITS, rasterise
from vaerun.data.datasets.cards import CardsConfig, draw
from vaerun.data.load import load

Make = Callable[..., CardsConfig]


def one_each(size: int = 48, **factors: float) -> Tensor:
    """The four suits under the same factors, those not given zero."""
    names = ("angle", "shear", "shift_row", "shift_column")
    columns = {name: torch.full((4,), factors.get(name, 0.0)) for name in names}
    return draw(torch.arange(4), columns, size)


def moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mass and covariance about the field's centre of an image (S, S), in pixels."""
    centres = torch.arange(len(image)) - (len(image) - 1) / 2
    points = torch.cartesian_prod(centres, centres)
    return image.sum(), (points * image.reshape(-1, 1)).T @ points / image.sum()


def test_unrotated_cards_are_the_covered_parts_of_their_pixels() -> None:
    want = torch.stack([rasterise(suit, 48) for suit in SUITS])[:, None]
    error = one_each() - want  # from four samples a pixel
    assert float(error.abs().max()) < 0.2
    assert float(error.square().mean().sqrt()) < 0.012


def test_positive_quarter_turn_is_counter_clockwise_as_displayed() -> None:
    want = one_each().rot90(1, dims=(2, 3))
    torch.testing.assert_close(one_each(angle=math.pi / 2), want, rtol=0, atol=1e-3)


def test_angle_is_that_of_the_geometry() -> None:
    angle = torch.full((4,), 0.7)
    error = one_each(size=96, angle=0.7) - geometry.rotate(one_each(size=96), angle)
    assert float(error.abs().mean()) < 0.005


def test_whole_pixel_shifts_move_the_image_down_and_right() -> None:
    want = one_each().roll((2, -3), dims=(2, 3))
    got = one_each(shift_row=2, shift_column=-3)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("angle", "shear"), [(0.8, 0.3), (-2.0, -0.35), (1.5, 0.1)])
def test_moments_are_those_of_a_shear_followed_by_a_rotation(angle: float, shear: float) -> None:
    cos, sin, tan = math.cos(angle), math.sin(angle), math.tan(shear)
    matrix = torch.tensor([[cos, -sin], [sin, cos]]) @ torch.tensor([[1, tan], [tan, 1]])
    for before, after in zip(one_each(), one_each(angle=angle, shear=shear), strict=True):
        mass, covariance = moments(before[0])
        got_mass, got = moments(after[0])
        assert float(got_mass / mass) == pytest.approx(1 - tan**2, rel=3e-3)
        torch.testing.assert_close(got, matrix @ covariance @ matrix.T, rtol=0, atol=0.3)


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-math.pi, math.pi),
    shear=st.sampled_from([-20, -1, 1, 20]).map(math.radians),
    shift=st.tuples(*[st.sampled_from([-0.1, 0.1])] * 2),
)
def test_no_suit_touches_the_border(
    angle: float, shear: float, shift: tuple[float, float]
) -> None:
    images = one_each(angle=angle, shear=shear, shift_row=shift[0], shift_column=shift[1])
    border = torch.ones(48, 48, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert float(images[:, 0, border].max()) == 0


def test_images_are_redrawn_exactly_from_their_labels_and_factors(cards: Make) -> None:
    val = load(cards(), seed=0).val
    torch.testing.assert_close(draw(val.label, val.factors, 48), val.images, rtol=0, atol=1e-6)


def test_suits_take_turns_and_indices_count_through_both_splits(cards: Make) -> None:
    splits = load(cards(train_size=10, val_size=6), seed=0)
    assert splits.train.label.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert splits.val.index.tolist() == [10, 11, 12, 13, 14, 15]


def test_null_sizes_are_the_sizes_per_suit(cards: Make) -> None:
    sizes = {"train_size": None, "val_size": None, "train_per_class": 3, "val_per_class": 2}
    splits = load(cards(size=8, **sizes), seed=0)
    assert splits.train.label.bincount().tolist() == [3] * 4
    assert splits.val.label.bincount().tolist() == [2] * 4


def test_factors_are_uniform_over_their_ranges(cards: Make) -> None:
    n, ranges = 3000, {"angle": math.radians(120), "shear": math.radians(20), "shift_row": 0.1}
    factors = load(cards(size=8, train_size=n), seed=0).train.factors
    for name, limit in ranges.items():
        uniform = np.sort(factors[name].numpy()) / (2 * limit) + 0.5
        assert uniform.min() >= 0
        assert uniform.max() <= 1
        distance = np.abs(uniform - (np.arange(n) + 0.5) / n).max()
        assert distance < 1.95 / math.sqrt(n)  # Kolmogorov–Smirnov, p = 0.001


def test_validation_repeats_no_training_factor(cards: Make) -> None:
    splits = load(cards(size=8, train_size=200, val_size=200), seed=0)
    for name, train in splits.train.factors.items():
        assert not torch.isin(splits.val.factors[name], train).any()


def test_same_seed_draws_the_same_and_another_seed_does_not(cards: Make) -> None:
    config = cards(noise_sd=0.3)
    first, again, other = (load(config, seed).train for seed in (3, 3, 4))
    assert torch.equal(first.images, again.images)
    assert not torch.isin(other.factors["angle"], first.factors["angle"]).any()


def test_a_smaller_set_is_the_beginning_of_a_larger_one(cards: Make) -> None:
    config = {"size": 16, "noise_sd": 0.3}
    few = load(cards(train_size=7, **config), seed=0).train
    many = load(cards(train_size=300, **config), seed=0).train
    assert torch.equal(few.images, many.images[:7])


def test_noise_has_the_stated_sd_before_clipping(cards: Make) -> None:
    images = load(cards(noise_sd=0.3, train_size=200), seed=0).train.images
    background = images[:, :, :2].flatten()
    # The positive half of N(0, 0.3²), and nothing below: its mean is 0.3 / √(2π).
    standard_error = float(background.std()) / len(background) ** 0.5
    assert float(background.mean()) == pytest.approx(
        0.3 / math.sqrt(2 * math.pi), abs=5 * standard_error
    )
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


def test_labelled_cards_come_beside_the_others_and_change_nothing(cards: Make) -> None:
    config = cards(noise_sd=0.3, size=16)
    without, beside = load(config, seed=3), load(config, seed=3, labelled=True)
    assert without.labelled is None
    for one, two in zip(without.parts, beside.parts, strict=False):
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.label, two.label)
        assert all(torch.equal(one.factors[name], two.factors[name]) for name in one.factors)


def test_labelled_cards_are_so_many_a_suit_and_counted_last(cards: Make) -> None:
    splits = load(cards(train_size=10, val_size=6, labelled_per_class=3, size=8), 0, labelled=True)
    assert splits.labelled is not None
    assert splits.labelled.label.tolist() == [0, 1, 2, 3] * 3
    assert splits.labelled.index.tolist() == list(range(16, 28))


def test_labelled_cards_keep_to_ranges_of_their_own(cards: Make) -> None:
    changes = {"labelled_rotation_deg": 12.0, "labelled_shear_deg": 1.0, "shift_px": 0.1}
    splits = load(cards(size=8, labelled_per_class=500, **changes), seed=0, labelled=True)
    assert splits.labelled is not None
    factors = splits.labelled.factors
    limits = {"angle": math.radians(12), "shear": math.radians(1), "shift_row": 0.1}
    for name, limit in limits.items():
        assert 0.98 * limit < float(factors[name].abs().max()) <= limit


def test_labelled_cards_repeat_no_other_factor_and_are_as_they_say(cards: Make) -> None:
    """Over the same ranges: from one stream of random numbers some would be the same."""
    changes = {"labelled_rotation_deg": 120.0, "labelled_shear_deg": 20.0}
    splits = load(cards(labelled_per_class=10, **changes), seed=0, labelled=True)
    labelled = splits.labelled
    assert labelled is not None
    for name, values in labelled.factors.items():
        for others in (splits.train, splits.val):
            assert not torch.isin(values, others.factors[name]).any()
    drawn = draw(labelled.label, labelled.factors, 48)
    torch.testing.assert_close(drawn, labelled.images, rtol=0, atol=1e-6)


def test_labelled_cards_follow_the_seed(cards: Make) -> None:
    config = cards(size=8, labelled_per_class=5)
    first, again, other = (load(config, seed, labelled=True).labelled for seed in (3, 3, 4))
    assert first is not None
    assert again is not None
    assert other is not None
    assert torch.equal(first.images, again.images)
    assert not torch.isin(other.factors["angle"], first.factors["angle"]).any()


def test_unposed_cards_are_sheared_as_before_and_neither_turned_nor_shifted(cards: Make) -> None:
    val = load(cards(shift_px=3.0), seed=0).val
    index = torch.tensor([7, 2, 4])
    unposed = val.select_unposed(index)
    assert unposed is not None
    shear = val.factors["shear"][index]
    zero = torch.zeros(3)
    want = {"angle": zero, "shear": shear, "shift_row": zero, "shift_column": zero}
    assert torch.equal(unposed.images, draw(index % 4, want, 48))
    assert torch.equal(unposed.factors["shear"], shear)


def test_unposed_cards_have_noise_of_their_own_the_same_each_time(cards: Make) -> None:
    val = load(cards(noise_sd=0.2, rotation_deg=0.0, shift_px=0.0), seed=0).val
    index = torch.arange(len(val))
    first, second = (val.select_unposed(index) for _ in range(2))
    assert first is not None
    assert second is not None
    assert torch.equal(first.images, second.images)
    clean = draw(val.label, val.factors, 48)
    within = (clean > 0.4) & (clean < 0.6)  # where clipping hardly matters
    noise, again = (images[within] - clean[within] for images in (val.images, first.images))
    assert float(again.std()) == pytest.approx(float(noise.std()), rel=0.1)
    assert abs(float(torch.corrcoef(torch.stack([noise, again]))[0, 1])) < 0.1
