"""The repeat of a lattice is measured on frames of any crystal, and none where there is none."""

import numpy as np
import pytest

from vaerun.microscopy.lattice_spacing import _mean_power, lattice_repeat_px
from vaerun.microscopy.simulation.lattices import LatticeScene, simulate_lattice


@pytest.mark.parametrize("spacing", [5.0, 12.0, 35.0])
@pytest.mark.parametrize(
    ("crystal", "repeat"), [("square", 1.0), ("hexagonal", 1.0), ("dichalcogenide", 3**0.5)]
)
def test_the_repeat_is_that_of_the_lattice(spacing: float, crystal: str, repeat: float):
    scene = LatticeScene(crystal=crystal, spacing_px=spacing, shape=(300, 340), dose=30)
    image = simulate_lattice(scene, np.random.default_rng(1)).image
    assert lattice_repeat_px(image) == pytest.approx(repeat * spacing, rel=0.06, abs=0.6)


def test_the_tiles_of_a_stitched_frame_are_few_and_cover_it():
    scene = LatticeScene(crystal="square", spacing_px=12.0, shape=(256, 256), dose=30)
    image = simulate_lattice(scene, np.random.default_rng(1)).image
    long = np.concatenate([np.zeros((256, 5000), np.float32), image], 1)
    _, n_tiles = _mean_power(long, 256)
    assert n_tiles == 1  # the last of 16: the others are empty
    assert lattice_repeat_px(long) == pytest.approx(12, rel=0.06)


def test_noise_and_blobs_at_random_have_none():
    rng = np.random.default_rng(0)
    assert lattice_repeat_px(rng.poisson(20, (256, 256)).astype(np.float32)) is None
    assert lattice_repeat_px(np.ones((64, 64), np.float32)) is None
