"""Poses of the same objects in two images, whose right answers are known."""

import numpy as np
import pytest

from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.paired_pose import paired_angle, paired_shift
from vaerun.models.encodings import Encodings

from ...conftest import make_encodings

N = 4000


def of(angle=None, shift=None, true_angle=None, true_shift=None, label=None) -> Encodings:
    """Encodings of N objects, zero where nothing is given."""
    shift_px = np.zeros((N, 2)) if true_shift is None else true_shift
    return make_encodings(
        n_train=0,
        n_val=N,
        angle=np.zeros(N) if angle is None else wrap(angle),
        shift=np.zeros((N, 2)) if shift is None else shift,
        label=np.full(N, -1) if label is None else label,
        factors={
            "angle": np.zeros(N) if true_angle is None else true_angle,
            "shift_row": shift_px[:, 0],
            "shift_column": shift_px[:, 1],
        },
    )


@pytest.fixture
def truth() -> np.ndarray:
    """Angles (N,) evenly all round, in radians."""
    return np.arange(N) * (2 * np.pi / N) - np.pi


@pytest.fixture
def own(truth: np.ndarray) -> np.ndarray:
    """An orientation (N,) that each object has in itself, in radians."""
    return np.random.default_rng(0).uniform(-np.pi, np.pi, len(truth))


def test_objects_of_any_orientation_of_their_own_are_perfect_in_pairs(truth, own):
    got = paired_angle(of(truth + own, true_angle=truth), of(own))
    assert got == pytest.approx({"paired_mae_deg": 0, "paired_resultant": 1}, abs=1e-5)


def test_an_angle_of_the_wrong_sign_is_wrong_by_twice_the_angle(truth, own):
    """All round that is chance; within ±45° its mean is 45°."""
    got = paired_angle(of(own - truth, true_angle=truth), of(own))
    assert got == pytest.approx({"paired_mae_deg": 90, "paired_resultant": 0}, abs=0.1)
    narrow = truth / 4
    got = paired_angle(of(own - narrow, true_angle=narrow), of(own))
    # R is the mean of cos 2θ over ±π/4
    want = {"paired_mae_deg": 45, "paired_resultant": 2 / np.pi}
    assert got == pytest.approx(want, rel=1e-3)


def test_a_random_angle_is_off_by_a_quarter_turn_and_a_half_turn_by_the_most(truth, own):
    got = paired_angle(of(own, true_angle=truth), of())
    standard_error = 180 / np.sqrt(12 * N)  # of a mean uniform in 0 to 180
    assert got["paired_mae_deg"] == pytest.approx(90, abs=4 * standard_error)
    assert got["paired_resultant"] < 4 / np.sqrt(N)
    got = paired_angle(of(truth + np.pi, true_angle=truth), of())
    assert got == pytest.approx({"paired_mae_deg": 180, "paired_resultant": 1}, abs=1e-5)


def test_an_offset_is_forgiven_by_the_agreement_alone(truth, own):
    got = paired_angle(of(truth + own + 0.3, true_angle=truth), of(own))
    want = {"paired_mae_deg": np.rad2deg(0.3), "paired_resultant": 1}
    assert got == pytest.approx(want, abs=1e-4)


def test_only_a_class_that_looks_alike_after_half_a_turn_may_be_off_by_one(truth):
    label = np.arange(N) % 2
    posed = of(truth + np.pi, true_angle=truth, label=label)
    assert paired_angle(posed, of(), [2, 1])["paired_mae_deg"] == pytest.approx(90, abs=1e-4)
    assert paired_angle(posed, of(), [2, 2])["paired_mae_deg"] == pytest.approx(0, abs=1e-4)
    unlabelled = of(truth + np.pi, true_angle=truth)
    assert paired_angle(unlabelled, of(), [2, 4])["paired_mae_deg"] == pytest.approx(0, abs=1e-4)
    assert paired_angle(unlabelled, of(), [2, 1])["paired_mae_deg"] == pytest.approx(180, abs=1e-4)


def test_angles_and_shifts_that_are_unknown_do_not_count(truth, own):
    known = np.arange(N) % 3 > 0
    posed = of(np.where(known, truth, own), true_angle=np.where(known, truth, np.nan))
    assert paired_angle(posed, of())["paired_mae_deg"] == pytest.approx(0, abs=1e-5)
    shift = np.random.default_rng(1).normal(0, 5, (N, 2))
    posed = of(shift=shift, true_shift=np.where(known[:, None], shift, np.nan))
    assert paired_shift(posed, of())["paired_mae_px"] == pytest.approx([0, 0])


def test_a_shift_is_that_from_the_place_of_the_object_itself():
    rng = np.random.default_rng(0)
    shift, place = rng.normal(0, 5, (N, 2)), rng.normal(0, 50, (N, 2))
    got = paired_shift(of(shift=shift + place, true_shift=shift), of(shift=place))
    assert got["paired_pearson"] == pytest.approx([1, 1], abs=1e-5)
    assert got["paired_mae_px"] == pytest.approx([0, 0], abs=1e-4)
    got = paired_shift(of(shift=place - shift, true_shift=shift), of(shift=place))
    assert got["paired_pearson"] == pytest.approx([-1, -1], abs=1e-5)


def test_each_axis_of_the_shift_has_its_own_error_in_pixels():
    """Of normal errors, mean |e| = sd √(2/π), and the correlation is 1/√(1 + (sd/5)²)."""
    rng = np.random.default_rng(0)
    shift, sd = rng.normal(0, 5, (N, 2)), np.array([1.0, 5.0])
    posed = of(shift=shift + sd * rng.normal(size=(N, 2)), true_shift=shift)
    got = paired_shift(posed, of())
    assert got["paired_mae_px"] == pytest.approx(sd * np.sqrt(2 / np.pi), rel=0.05)
    assert got["paired_pearson"] == pytest.approx(1 / np.sqrt(1 + (sd / 5) ** 2), abs=0.03)


def test_a_constant_shift_has_no_correlation():
    assert paired_shift(of(), of()) == {}
