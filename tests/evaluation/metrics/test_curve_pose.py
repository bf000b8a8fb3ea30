"""Correlations of shift, stretch and gain, within classes."""

import numpy as np
import pytest

from vaerun.evaluation.metrics.curve_pose import curve_pose
from vaerun.evaluation.metrics.nearest_neighbours import rank_correlation
from vaerun.evaluation.metrics.summary import summarise

from ...conftest import make_encodings


def curves(**replaced):
    rng = np.random.default_rng(1)
    n = 600
    position, width, height = rng.uniform(1, 5, (3, n))
    label = np.arange(n) % 2
    arrays = {
        "label": label,
        "angle": np.zeros(n),
        "shift": np.stack([np.zeros(n), 3 * position + 20 * label], 1),  # a place of each class
        "scale": width**2 * np.where(label, 3, 1),
        "gain": rng.uniform(1, 2, n),
        "factors": {"position": position, "width": width, "height": height},
    }
    return make_encodings(**(arrays | replaced))


def test_latents_are_compared_within_each_class():
    both = curves()
    masks = [both.label == 0, both.label == 1]
    found = curve_pose(both, masks)
    assert found["shift"]["pearson"] == [pytest.approx(1)]
    assert found["scale"]["pearson"] == [pytest.approx(1)]  # of logarithms
    assert abs(found["gain"]["pearson"][0]) < 5 / np.sqrt(600)
    together = curve_pose(both, [np.ones(len(both), bool)])
    assert together["shift"]["pearson"][0] < 0.6


def test_a_latent_that_the_model_lacks_is_left_out():
    found = curve_pose(curves(scale=np.ones(600)), [np.ones(600, bool)])
    assert set(found) == {"shift", "gain"}


def test_the_summary_of_curves_has_one_shift():
    found = summarise(curves(), ["a", "b"], [1, 1], supervised=False)
    assert found["shift"]["pearson"] == [pytest.approx(1)]
    assert "angle" not in found


def test_the_rank_correlation_is_that_of_the_best_dimension():
    value = np.linspace(0, 1, 50)
    z = np.stack([np.zeros(50), -np.exp(9 * value), np.sin(99 * value)], 1)
    assert rank_correlation(z, value) == pytest.approx(1)
    assert rank_correlation(z[:, :1], value) == 0
