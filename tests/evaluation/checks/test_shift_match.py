"""Curves that have the same line at another place, without a model."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vaerun.evaluation.checks.noise_left import _like_curves
from vaerun.evaluation.checks.shift_match import match_shifts

COLUMN = torch.arange(64.0)


def lines(middle: list[float], width: float = 4.0, length: int = 64) -> torch.Tensor:
    """Asymmetric lines (n, 1, 1, L) at these columns of 64."""
    away = (torch.arange(length) * 64 / length - torch.tensor(middle)[:, None]) / width
    return (torch.exp(-0.5 * away.square()) * (1 + away.tanh()))[:, None, None]


@pytest.mark.parametrize("length", [64, 128, 40])
def test_the_shift_between_two_curves_is_found_with_its_sign(length: int):
    match = match_shifts(lines([20.0, 30.0, 45.0], length=length))
    assert np.all(match.best[np.triu_indices(3, 1)] > 0.98)
    first = np.zeros(3, int)
    points = match.shift(first, np.arange(3), length)
    np.testing.assert_allclose(points, np.array([0, 10, 25]) * length / 64, atol=length / 64)
    np.testing.assert_array_equal(match.shift(np.arange(3), first, length), -points)


def test_gain_and_offset_do_not_count():
    curves = lines([20.0, 30.0])
    match = match_shifts(torch.cat([curves, 0.1 * curves + 3]))
    assert np.all(match.best[np.triu_indices(4, 1)] > 0.98)


def test_a_like_curve_is_moved_and_scaled_onto_another():
    curves = torch.cat([lines([20.0]), 0.3 * lines([35.0]) + 0.1])
    run = SimpleNamespace(target=curves, likeness=match_shifts(curves))
    drawn = _like_curves(run, np.array([0, 1]), np.array([1, 0]))
    torch.testing.assert_close(drawn, curves, atol=0.01, rtol=0)


def test_what_leaves_at_one_end_does_not_enter_at_the_other():
    """A step up and a step down would be alike if curves were rings."""
    up = torch.tanh((COLUMN - 32) / 2)[None, None, None]
    assert match_shifts(torch.cat([up, -up])).best[0, 1] < 0.7


def test_curves_of_one_shape_are_each_others_neighbours():
    narrow, wide = lines([15.0, 25.0, 40.0]), lines([20.0, 30.0, 42.0], width=9.0)
    near = match_shifts(torch.cat([narrow, wide])).neighbours(2)
    assert [set(row.tolist()) for row in near] == [
        {1, 2}, {0, 2}, {0, 1}, {4, 5}, {3, 5}, {3, 4}
    ]  # fmt: skip
