"""The symmetry of patches follows from the angles of neighbours of one kind."""

import numpy as np
import pytest

from vaerun.evaluation.metrics.angle_symmetry import angle_symmetry

CENTRE = np.stack(np.mgrid[:20, :20], -1).reshape(-1, 2) * 10.0
ONE = np.zeros(400, int)


def angles(order: int, sd: float = 0.05) -> np.ndarray:
    """One grain on the left, another on the right; each patch in any of the equal orientations."""
    rng = np.random.default_rng(order)
    grain = np.where(CENTRE[:, 1] < 95, 0.3, 0.7)
    return grain + 2 * np.pi / order * rng.integers(0, order, 400) + rng.normal(0, sd, 400)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_the_order_is_found_though_grains_differ(order: int):
    assert angle_symmetry(angles(order), ONE, CENTRE, ONE) == order


def test_angles_at_random_have_none():
    random = np.random.default_rng(0).uniform(-np.pi, np.pi, 400)
    assert angle_symmetry(random, ONE, CENTRE, ONE) == 1


def test_two_kinds_that_are_turned_are_not_taken_for_one():
    kind = (CENTRE.sum(1) // 10 % 2).astype(int)
    turned = angles(3) + kind * np.pi / 3
    assert angle_symmetry(turned, ONE, CENTRE, kind) == 3
    assert angle_symmetry(turned, ONE, CENTRE, ONE) == 6


def test_few_patches_say_nothing():
    assert angle_symmetry(angles(4)[:5], ONE[:5], CENTRE[:5], ONE[:5]) == 1
