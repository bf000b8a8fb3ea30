import numpy as np
import pytest

from vaerun.evaluation.metrics.nearest_neighbours import (
    mean_of_neighbours,
    regression_r2,
    vote_accuracy,
)


@pytest.mark.parametrize("d", [3, 40])
def test_neighbours_are_those_of_brute_force(d):
    rng = np.random.default_rng(0)
    train, val, value = rng.normal(size=(60, d)), rng.normal(size=(7, d)), rng.normal(size=60)
    distance = np.linalg.norm(val[:, None] - train[None], axis=-1)
    nearest = value[distance.argsort(1)[:, :5]]
    np.testing.assert_allclose(mean_of_neighbours(train, value, val, 5), nearest.mean(1))


def test_one_dimension_and_one_neighbour_keep_their_axes():
    z = np.arange(5.0)[:, None]
    assert mean_of_neighbours(z, np.arange(5), np.array([[3.2]]), 1).tolist() == [3]


def test_separate_clusters_are_predicted_and_swapped_ones_never():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], 30)
    z = rng.normal(0, 0.1, (90, 2)) + 5 * label[:, None]
    assert vote_accuracy(z, label, z, label) == 1.0
    assert vote_accuracy(z, label, z, (label + 1) % 3) == 0.0


def test_a_majority_decides_not_the_nearest():
    z_train = np.array([[0.0], [1.0], [1.1], [1.2]])
    label = np.array([0, 1, 1, 1])
    assert vote_accuracy(z_train, label, np.array([[0.1]]), np.array([1]), k=4) == 1.0


def test_labels_that_ignore_z_are_guessed_at_chance():
    rng = np.random.default_rng(2)
    z, label = rng.normal(size=(4000, 2)), rng.integers(0, 4, 4000)
    score = vote_accuracy(z[:2000], label[:2000], z[2000:], label[2000:])
    assert score == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 2000) ** 0.5)


def test_r2_of_a_smooth_factor_is_near_one_and_of_noise_not_above_zero():
    rng = np.random.default_rng(3)
    z = rng.uniform(-1, 1, (2000, 2))
    factor, noise = np.sin(2 * z[:, 0]) + z[:, 1], rng.normal(size=2000)
    assert regression_r2(z[:1500], factor[:1500], z[1500:], factor[1500:]) > 0.98
    # the mean of 10 unrelated values adds a tenth of the variance: R² = −0.1
    score = regression_r2(z[:1500], noise[:1500], z[1500:], noise[1500:])
    assert score == pytest.approx(-0.1, abs=0.1)


def test_a_collapsed_z_is_scored_not_refused():
    z, label = np.zeros((3000, 2)), np.arange(3000) % 2
    assert 0 <= vote_accuracy(z, label, z[:20], label[:20]) <= 1
