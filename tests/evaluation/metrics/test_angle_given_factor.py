import numpy as np
import pytest

from vaerun.evaluation.metrics.angle_given_factor import error_given_factor
from vaerun.evaluation.metrics.circular import mean_absolute_error

N = 1_000


def made_up(seed, cubic, symmetry=1, noise=0.0):
    """Differences that follow a cubic (in full turns times the symmetry) along a factor."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, N)
    turns = np.polynomial.polynomial.polyval(x, cubic) + rng.normal(0, noise * symmetry, N)
    extra = rng.integers(0, symmetry, N) * 2 * np.pi / symmetry
    return np.mod(turns / symmetry + extra, 2 * np.pi), x


@pytest.mark.parametrize("symmetry", [1, 2])
@pytest.mark.parametrize(
    "cubic", [[1, 0, 0, 0], [2, 3, 0, 0], [0, -6, 1, 0], [3, 2, -2, 2], [-1, 1, 2, -4]]
)
def test_a_cubic_offset_is_removed_completely(cubic, symmetry):
    difference, x = made_up(0, cubic, symmetry)
    assert error_given_factor(difference, x, symmetry) == pytest.approx(0, abs=2e-3)


def test_noise_about_a_winding_offset_is_what_remains():
    difference, x = made_up(1, [0.5, 5, 1, -2], noise=0.1)
    want = 0.1 * np.sqrt(2 / np.pi)  # mean absolute value of a normal
    assert mean_absolute_error(difference) > 1.0
    assert error_given_factor(difference, x) == pytest.approx(want, abs=4 * 0.06 / N**0.5)


def test_outliers_leave_the_curve_where_it_is():
    difference, x = made_up(2, [0, 4, 0, 1])
    difference[:100] += np.pi / 2
    assert error_given_factor(difference, x) == pytest.approx(0.1 * np.pi / 2, abs=0.01)


def test_unrelated_angles_stay_near_chance():
    rng = np.random.default_rng(3)
    error = error_given_factor(rng.uniform(0, 2 * np.pi, N), rng.uniform(-1, 1, N))
    assert error == pytest.approx(np.pi / 2, abs=0.12)


def test_never_worse_than_a_constant_offset_and_deterministic():
    rng = np.random.default_rng(4)
    for n in (5, 20, 100):
        difference, x = rng.normal(0, 0.5, n), rng.uniform(-0.3, 0.3, n)
        error = error_given_factor(difference, x)
        assert error <= mean_absolute_error(difference) + 1e-12
        assert error == error_given_factor(difference, x)


def test_units_of_the_factor_and_a_global_offset_do_not_matter():
    difference, x = made_up(5, [0, 2, 1, 0], noise=0.2)
    error = error_given_factor(difference, x)
    assert error_given_factor(difference + 2.0, 20 * x + 7) == pytest.approx(error, abs=1e-3)
