"""Moves of images are those of the geometry, and quarter turns keep every pixel."""

import math

import pytest
import torch

from vaerun.evaluation.checks.moved_images import LOG_SCALE, SHIFT, Move
from vaerun.geometry import Pose, apply, place, rotation

SIDE = 33


def blob(at_px, width=1.5):
    """A bright spot (1, 1, SIDE, SIDE) at a row and column from the middle."""
    line = torch.arange(SIDE) - (SIDE - 1) / 2
    row, column = (torch.exp(-((line - at) ** 2) / (2 * width**2)) for at in at_px)
    return (row[:, None] * column)[None, None]


def middle(images):
    """Centre of mass (n, 2) from the middle of the image, pixels."""
    line = torch.arange(SIDE) - (SIDE - 1) / 2
    mass = images.sum((1, 2, 3))
    row = (images.sum((1, 3)) * line).sum(1) / mass
    column = (images.sum((1, 2)) * line).sum(1) / mass
    return torch.stack([row, column], 1)


def test_a_spot_goes_where_the_pose_says():
    move = Move.drawn(40, SIDE, turns=math.pi, shifts=True, scales=True)
    at = torch.tensor([3.0, -2.0])
    found = middle(move.apply(blob(at).expand(40, -1, -1, -1)))
    matrix = move.factor[:, None, None] * rotation(move.turn)
    expected = apply(matrix, at.expand(40, 2)) + move.shift_px
    assert (found - expected).abs().max() < 0.3


def test_draws_cover_only_what_the_model_has():
    move = Move.drawn(500, SIDE, turns=math.pi, shifts=False, scales=False)
    assert move.turn.abs().max() > 3
    assert not move.shift_px.any()
    assert (move.factor == 1).all()
    both = Move.drawn(500, SIDE, turns=0.0, shifts=True, scales=True)
    assert not both.turn.any()
    assert 0.9 * SHIFT * SIDE < both.shift_px.abs().max() <= SHIFT * SIDE
    assert both.factor.log().abs().max() <= LOG_SCALE


@pytest.mark.parametrize("square", [True, False])
def test_quarter_turns_are_exact_and_counterclockwise(square):
    images = torch.rand(6, 2, 9, 9)
    move = Move.quarter_turns(6, square=square)
    turned = move.apply_exactly(images)
    expected = place(images, Pose(move.turn, torch.zeros(6, 2), torch.ones(6)), (9, 9))
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=0)
    assert torch.equal(turned.flatten(1).sort().values, images.flatten(1).sort().values)
    if not square:
        assert (move.turn - math.pi).abs().max() < 1e-6
