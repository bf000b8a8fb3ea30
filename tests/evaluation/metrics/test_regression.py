"""Metrics of an inferred target, of validation images of known target alone."""

import math

import numpy as np

from vaerun.evaluation.metrics.regression import WITHIN_SD, coverage, regression


def predicted(encodings, sd, n_val=4000):
    rng = np.random.default_rng(0)
    n = 10 + n_val
    truth = rng.uniform(0, 10, n).astype("f4")
    mean = truth + 0.5 * rng.normal(size=n).astype("f4")
    mean[:10] = 100  # training images do not count
    truth[10:20] = np.nan
    factors = {"dose": truth}
    spread = np.full(n, sd, "f4")
    return encodings(10, n_val, target_mean=mean, target_sd=spread, factors=factors)


NONE = (np.zeros(0), np.zeros(0), np.zeros(0))


def test_error_and_coverage_are_those_of_unseen_images(encodings):
    found = regression(predicted(encodings, 0.5), "dose", NONE)
    assert (found["target"], found["n"], found["known"]) == ("dose", 3990, {})
    assert abs(found["r2"] - (1 - 0.25 / (100 / 12))) < 0.005
    assert abs(found["mae"] - 0.5 * math.sqrt(2 / math.pi)) < 0.02
    assert abs(found["coverage_68"] - WITHIN_SD) < 0.02
    wide = regression(predicted(encodings, 1.0), "dose", NONE)
    assert abs(wide["coverage_68"] - math.erf(2 / math.sqrt(2))) < 0.02


def test_known_targets_are_scored_where_no_other_truth_is_known(encodings):
    made = predicted(encodings, 0.5, 12)  # of two validation images alone
    truth = np.arange(10.0)
    known = (truth, truth + np.tile([0, 1], 5), np.ones(10))
    for name in ("dose", "strain"):  # the second is no factor at all
        found = regression(made, name, known)
        assert found == {
            "target": name,
            "known": {"r2": 1 - 5 / 82.5, "mae": 0.5, "coverage_68": 1.0, "n": 10},
        }


def test_intervals_of_a_true_spread_hold_what_they_should():
    rng = np.random.default_rng(0)
    truth, expected = rng.normal(size=20_000), np.array([0.1, 0.5, 0.9])
    zero, one = np.zeros_like(truth), np.ones_like(truth)
    np.testing.assert_allclose(coverage(truth, zero, one, expected), expected, atol=0.02)
    assert (coverage(truth, zero, 0.5 * one, expected) < expected).all()
