"""Outlines and their pixels against geometry that can be computed by hand."""

import math

import pytest
import torch

from vaerun.data.datasets.card_suits import LONGEST_SIDE, SUITS, SYMMETRY, rasterise
from vaerun.data.datasets.drawing import coverage


def test_coverage_of_a_rectangle_is_its_overlap_with_each_pixel() -> None:
    rectangle = torch.tensor([[1.25, 0.3], [1.25, 2.9], [3.5, 2.9], [3.5, 0.3]]).double()
    want = torch.outer(
        torch.tensor([0, 0.75, 1, 0.5, 0]).double(), torch.tensor([0.7, 1, 0.9, 0, 0]).double()
    )
    torch.testing.assert_close(coverage(rectangle, 5), want)


@pytest.mark.parametrize("direction", [1, -1])
def test_coverage_sums_to_the_area_whichever_way_the_outline_runs(direction: int) -> None:
    turn = direction * torch.linspace(0, 2 * math.pi, 401).double()[1:]
    circle = torch.stack([16.2 + 9.7 * turn.sin(), 15.9 + 9.7 * turn.cos()], dim=1)
    assert float(coverage(circle, 32).sum()) == pytest.approx(math.pi * 9.7**2, rel=1e-3)


@pytest.mark.parametrize("suit", SUITS)
def test_longest_side_is_the_stated_part_of_the_field_and_centred(suit: str) -> None:
    inside = rasterise(suit, 400) > 0.01
    rows, columns = inside.any(dim=1).nonzero(), inside.any(dim=0).nonzero()
    height, width = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
    assert max(height, width) == pytest.approx(LONGEST_SIDE * 400, abs=2)
    lowered = 0.08 * height if suit == "hearts" else 0  # its mass, not its outline, is centred
    assert float(rows.min() + rows.max()) / 2 == pytest.approx(199.5 + lowered, abs=1)
    assert float(columns.min() + columns.max()) / 2 == pytest.approx(199.5, abs=1)


@pytest.mark.parametrize("suit", SUITS)
def test_a_suit_is_its_own_mirror_image(suit: str) -> None:
    torch.testing.assert_close(rasterise(suit, 96), rasterise(suit, 96).flip(1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("suit", "order"), list(zip(SUITS, SYMMETRY, strict=True)))
def test_symmetry_is_half_a_turn_for_diamonds_and_none_for_the_others(
    suit: str, order: int
) -> None:
    image = rasterise(suit, 96)
    half = float((image - image.rot90(2)).abs().sum() / image.sum())
    quarter = float((image - image.rot90(1)).abs().sum() / image.sum())
    assert half < 1e-4 if order == 2 else half > 0.1
    assert quarter > 0.1


def test_a_spade_is_more_than_a_heart_upside_down() -> None:
    spade, heart = rasterise("spades", 96), rasterise("hearts", 96).flip(0)
    assert float(torch.minimum(spade, heart).sum() / torch.maximum(spade, heart).sum()) < 0.85
