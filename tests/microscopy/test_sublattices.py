"""Sublattices are found by intensity, by alternation where it varies, and by the neighbours."""

import numpy as np
import pytest

from vaerun.microscopy.detection_score import matches
from vaerun.microscopy.peaks import find_peaks
from vaerun.microscopy.simulation.lattices import LatticeScene, simulate_lattice
from vaerun.microscopy.sublattices import sublattices

CELLS = np.stack(np.mgrid[:16, :16], -1).reshape(-1, 2).astype(float)


def two(brightness: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places and intensities of a square lattice with a second column in the middle."""
    rng = np.random.default_rng(0)
    place = np.concatenate([CELLS, CELLS + 0.5]) + rng.normal(0, 0.02, (512, 2))
    kind = np.repeat([0, 1], 256)
    intensity = np.concatenate([np.ones(256), brightness]) * (1 + place[:, 1] / 8)
    return place, intensity * np.exp(rng.normal(0, 0.1, 512)), kind


@pytest.mark.parametrize("dose", [100, 8])
@pytest.mark.parametrize("crystal", ["perovskite", "dichalcogenide"])
def test_simulated_crystals_split_as_they_are(crystal: str, dose: float):
    scene = LatticeScene(crystal=crystal, shape=(256, 256), dose=dose)
    image, truth = simulate_lattice(scene, np.random.default_rng(2))
    peaks = find_peaks(image)
    number = sublattices(peaks.position, peaks.contrast, peaks.spacing_px)
    i, j = matches(peaks.position, truth.position, 4.0)
    assert (number[i] == truth.sublattice[j]).mean() > 0.99


@pytest.mark.parametrize("crystal", ["square", "hexagonal"])
def test_one_kind_stays_one(crystal: str):
    scene = LatticeScene(crystal=crystal, shape=(256, 256), dose=8)
    image, _ = simulate_lattice(scene, np.random.default_rng(2))
    peaks = find_peaks(image)
    assert not sublattices(peaks.position, peaks.contrast, peaks.spacing_px).any()


def test_columns_are_followed_to_where_both_kinds_are_equally_bright():
    place, intensity, kind = two(np.linspace(0.4, 1.0, 256))  # along the rows
    assert (sublattices(place, intensity, 0.5**0.5) == kind).mean() > 0.99


def test_within_a_grain_a_kind_keeps_its_name_where_it_becomes_the_brighter_one():
    place, intensity, kind = two(np.linspace(0.3, 1.6, 256))
    assert (sublattices(place, intensity, 0.5**0.5) == kind).mean() > 0.99


@pytest.mark.parametrize("crystal", ["perovskite", "dichalcogenide"])
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_brighter_kind_has_the_same_name_in_every_grain(crystal: str, seed: int):
    scene = LatticeScene(crystal=crystal, grains=2)
    _, truth = simulate_lattice(scene, np.random.default_rng((seed, 2)))
    rng = np.random.default_rng(0)
    height = np.array([1.0, 0.5])[truth.sublattice] * truth.brightness
    number = sublattices(truth.position, height * rng.normal(1, 0.06, len(truth)), 12.0)
    for grain in (0, 1):
        here = truth.grain == grain
        assert (number[here] == truth.sublattice[here]).mean() > 0.95


def test_a_honeycomb_splits_by_the_side_of_the_neighbours():
    rng = np.random.default_rng(0)
    cell = np.array([[0, 3**0.5], [1.5, 3**0.5 / 2]])
    sites = CELLS @ cell
    place = np.concatenate([sites, sites + np.array([1.0, 0])]) + rng.normal(0, 0.05, (512, 2))
    number = sublattices(place, np.exp(rng.normal(0, 0.2, 512)), 1.0)
    agree = (number == np.repeat([0, 1], 256)).mean()
    assert max(agree, 1 - agree) > 0.97


def test_few_atoms_are_one_kind():
    assert not sublattices(CELLS[:9], np.arange(1, 10.0), 1.0).any()
