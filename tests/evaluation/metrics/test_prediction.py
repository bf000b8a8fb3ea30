"""Scores of predictions against what they are of made-up truths."""

import numpy as np
import pytest

from vaerun.evaluation.metrics.prediction import prediction_scores, turned_change


def test_scores_are_of_what_varies_among_images():
    rng = np.random.default_rng(0)
    shape = (4000, 1, 1, 6)
    offset = 100 * np.arange(6.0)  # the same for all images: not to be explained
    mean = rng.normal(size=shape) + offset
    truth = mean + 0.5 * rng.normal(size=shape)
    found = prediction_scores(truth, mean, np.full(shape, 0.5))
    assert found["r2"] == pytest.approx(0.8, abs=0.01)
    assert found["rmse"] == pytest.approx(0.5, abs=0.01)
    assert found["coverage_68"] == pytest.approx(0.683, abs=0.01)
    alike = prediction_scores(truth, np.broadcast_to(truth.mean(0), shape), np.ones(shape))
    assert alike["r2"] == pytest.approx(0, abs=1e-6)
    spoilt, counts = truth.copy(), np.ones(shape, bool)
    spoilt[:10, ..., 0], counts[:10, ..., 0] = 1e6, False
    some = prediction_scores(spoilt, mean, np.full(shape, 0.5), counts)
    assert some["r2"] == pytest.approx(found["r2"], abs=0.01)


def test_a_change_is_in_units_of_the_spread():
    mean = np.zeros((3, 1, 1, 4))
    assert turned_change(mean, mean + 0.1, np.full(mean.shape, 0.5)) == pytest.approx(0.2)
