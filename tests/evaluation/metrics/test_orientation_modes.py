import numpy as np
import pytest

from vaerun.evaluation.metrics.orientation_modes import count_orientation_modes

SIZES = [50, 300, 2_000, 10_000]
DRAWS = 40


def mixture(rng, n, shares, at_deg, sd_deg, outliers=0.0):
    """Angles around several orientations, with a share of them anywhere."""
    part = rng.choice(len(shares), n, p=shares)
    x = np.deg2rad(np.array(at_deg)[part] + rng.normal(0, sd_deg, n))
    stray = rng.random(n) < outliers
    x[stray] = rng.uniform(-np.pi, np.pi, stray.sum())
    return x + rng.uniform(0, 2 * np.pi)


def share_right(want, n, *args, **kwargs):
    rng = np.random.default_rng(n)
    return np.mean(
        [count_orientation_modes(mixture(rng, n, *args, **kwargs)) == want for _ in range(DRAWS)]
    )


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("sd_deg", [1, 10, 25])
@pytest.mark.parametrize("outliers", [0, 0.1])
def test_one_broad_peak_or_one_with_outliers_is_one(n, sd_deg, outliers):
    # 4 strays of 50 images do stand together now and then, and are then a clump like any other
    least = 0.85 if n == 50 else 1.0
    assert share_right(1, n, [1], [0], sd_deg, outliers=outliers) >= least


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("apart_deg", [120, 180])
@pytest.mark.parametrize("sd_deg", [2, 10, 20])
def test_a_minority_of_15_percent_is_a_second_mode(n, apart_deg, sd_deg):
    # of 50 images the minority holds 3 or fewer in 4.6 % of draws: those are not resolvable
    least = 0.72 if n == 50 else 0.92 if n == 300 else 1.0
    assert share_right(2, n, [0.85, 0.15], [0, apart_deg], sd_deg) >= least


@pytest.mark.parametrize("n", SIZES)
def test_three_modes_are_three(n):
    assert share_right(3, n, [0.4, 0.35, 0.25], [0, 120, 240], 10) >= (0.9 if n == 50 else 1.0)


def test_a_uniform_angle_is_not_called_many_modes():
    rng = np.random.default_rng(0)
    assert [count_orientation_modes(rng.uniform(-np.pi, np.pi, 1_000)) for _ in range(20)] == [
        1
    ] * 20


def test_symmetry_joins_modes_that_are_the_same_orientation():
    x = mixture(np.random.default_rng(0), 500, [0.5, 0.5], [0, 180], 5)
    assert count_orientation_modes(x) == 2
    assert count_orientation_modes(x, 2) == 1
    y = mixture(np.random.default_rng(0), 500, [0.5, 0.5], [0, 90], 5)
    assert count_orientation_modes(y, 2) == 2
    assert count_orientation_modes(y, 4) == 1


def test_a_smear_along_an_arc_is_one_mode():
    assert count_orientation_modes(np.linspace(0, np.deg2rad(100), 1_000)) == 1


def test_the_count_ignores_offset_order_and_whole_turns():
    rng = np.random.default_rng(1)
    x = mixture(rng, 400, [0.7, 0.3], [0, 180], 8)
    for offset in np.linspace(0, 2 * np.pi, 17):
        assert count_orientation_modes(rng.permutation(x + offset) + 2 * np.pi) == 2


def test_a_single_image_has_one_mode():
    assert count_orientation_modes([0.3]) == 1
