import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.evaluation.metrics.circular import (
    best_offset,
    common_symmetry,
    mean_absolute_error,
    resultant,
    rotation_sense,
    wrap,
)

angles = st.lists(st.floats(-10, 10), min_size=1, max_size=40).map(np.array)
offsets = st.floats(-20, 20)
symmetries = st.integers(1, 6)


def test_resultant_is_one_for_a_constant_offset_and_zero_all_round():
    assert resultant(np.full(50, 2.3)) == pytest.approx(1.0)
    assert resultant(np.arange(8) * np.pi / 4) == pytest.approx(0.0, abs=1e-12)


def test_resultant_of_a_normal_is_the_characteristic_function():
    # E exp(i s x) = exp(−s² sd² / 2); the real part has a standard error below 1/√N.
    x = np.random.default_rng(0).normal(0, 0.4, 40_000)
    for s in (1, 2, 3):
        assert resultant(x, s) == pytest.approx(np.exp(-((s * 0.4) ** 2) / 2), abs=4 / 200)


def test_symmetry_forgives_turns_by_its_period():
    flips = np.array([0.0, np.pi, np.pi, 0.0])
    assert resultant(flips) == pytest.approx(0.0, abs=1e-12)
    assert resultant(flips, 2) == pytest.approx(1.0)
    assert mean_absolute_error(flips) == pytest.approx(np.pi / 2)
    assert mean_absolute_error(flips, 2) == pytest.approx(0.0, abs=1e-12)


def test_mean_absolute_error_of_a_uniform_spread_is_a_quarter_of_its_width():
    spread = np.linspace(-0.5, 0.5, 10_001) + 3.0  # straddles the cut at π
    offset, error = best_offset(spread)
    assert error == pytest.approx(0.25, abs=1e-4)
    assert offset == pytest.approx(3.0, abs=1e-3)


def test_chance_error_is_a_quarter_of_the_period():
    around = np.arange(3600) * (2 * np.pi / 3600)
    assert mean_absolute_error(around) == pytest.approx(np.pi / 2, rel=1e-3)
    assert mean_absolute_error(around, 3) == pytest.approx(np.pi / 6, rel=1e-2)


def test_outliers_do_not_move_the_offset():
    x = np.concatenate([np.full(90, 1.0), np.full(10, 2.5)])
    assert best_offset(x) == (pytest.approx(1.0), pytest.approx(0.15))


@settings(deadline=None)
@given(x=angles, s=symmetries)
def test_best_offset_is_the_best_of_a_fine_grid(x, s):
    period = 2 * np.pi / s
    trial = np.concatenate([np.linspace(0, period, 300), x])
    costs = np.abs(wrap(x[None] - trial[:, None], period)).mean(1)  # brute force
    assert mean_absolute_error(x, s) == pytest.approx(costs.min(), abs=1e-9)


@settings(deadline=None)
@given(x=angles, s=symmetries, c=offsets)
def test_measures_ignore_a_global_offset_whole_turns_and_order(x, s, c):
    turned = (x + c)[::-1] + 2 * np.pi / s * np.arange(len(x))
    assert resultant(turned, s) == pytest.approx(resultant(x, s), abs=1e-7)
    assert mean_absolute_error(turned, s) == pytest.approx(mean_absolute_error(x, s), abs=1e-7)


@pytest.mark.parametrize(
    ("orders", "common"), [([3, 3], 3), ([1, 1, 2], 1), ([2, 4], 2), ([], 1)], ids=str
)
def test_classes_share_the_turns_that_leave_all_of_them_alike(orders, common):
    assert common_symmetry(orders) == common


def test_rotation_sense_has_the_sign_of_the_rotation():
    truth = np.linspace(-np.pi, np.pi, 400, endpoint=False)
    assert rotation_sense(truth + 0.7, truth) == pytest.approx(1.0)
    assert rotation_sense(0.7 - truth, truth) == pytest.approx(-1.0)
    assert rotation_sense(np.zeros(400), truth) == pytest.approx(0.0, abs=1e-9)


@settings(deadline=None)
@given(x=st.floats(-50, 50), s=symmetries)
def test_wrap_stays_in_the_period_and_changes_by_whole_periods(x, s):
    period = 2 * np.pi / s
    y = float(wrap(x, period))
    assert -period / 2 <= y <= period / 2
    assert (x - y) / period == pytest.approx(round((x - y) / period), abs=1e-9)
