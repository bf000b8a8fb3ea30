"""Peaks of frames of four crystals: all columns, at their places, and nothing else."""

import numpy as np
import pytest

from vaerun.microscopy.detection_score import matches
from vaerun.microscopy.gaussian_fit import draw_gaussians
from vaerun.microscopy.peaks import choose_band_pass, find_peaks
from vaerun.microscopy.simulation.lattices import (
    CRYSTALS,
    LatticeFrame,
    LatticeScene,
    simulate_lattice,
)


def frame(crystal: str, **changes: object) -> LatticeFrame:
    scene = LatticeScene(**({"crystal": crystal, "shape": (220, 220)} | changes))
    return simulate_lattice(scene, np.random.default_rng(5))


def f1(found: np.ndarray, true: np.ndarray, spacing: float, side: int = 220) -> float:
    """Of columns 3 pixels or more inside the frame; matches beyond it are right, too."""
    i, j = matches(found, true, 0.3 * spacing)
    missed, wrong = (np.delete(places, k, axis=0) for places, k in ((true, j), (found, i)))
    faults = sum(int(((p >= 3) & (p <= side - 4)).all(1).sum()) for p in (missed, wrong))
    return 2 * len(i) / (2 * len(i) + faults)


@pytest.mark.parametrize(("dose", "least"), [(300, 0.98), (30, 0.98), (10, 0.96)])
@pytest.mark.parametrize("spacing", [8.0, 16.0])
@pytest.mark.parametrize("crystal", list(CRYSTALS))
def test_columns_are_found_though_thickness_varies_threefold(
    crystal: str, spacing: float, dose: float, least: float
):
    image, truth = frame(crystal, spacing_px=spacing, dose=dose)
    peaks = find_peaks(image)
    assert f1(peaks.position, truth.position, spacing) >= least
    assert peaks.spacing_px == pytest.approx(spacing, rel=0.12)


def test_positions_are_a_fraction_of_a_pixel_off():
    image, truth = frame("square", dose=200)
    peaks = find_peaks(image)
    i, j = matches(peaks.position, truth.position, 3.0)
    # scan lines jitter by 0.2 px
    assert np.sqrt(((peaks.position[i] - truth.position[j]) ** 2).sum(1).mean()) < 0.25
    assert np.corrcoef(peaks.intensity[i], truth.brightness[j])[0, 1] > 0.95


def test_dark_atoms_are_found_in_the_negative():
    image, truth = frame("hexagonal")
    peaks = find_peaks(image.max() - image, dark=True)
    assert f1(peaks.position, truth.position, 12.0) >= 0.98
    assert (peaks.intensity > 0).all()


def test_an_amorphous_edge_and_vacuum_have_hardly_any():
    image, truth = frame("square", vacuum=0.25, shape=(300, 300))
    assert f1(find_peaks(image).position, truth.position, 12.0, 300) >= 0.97


def test_nothing_is_looked_for_where_the_mask_says_so():
    image, _ = frame("square")
    empty = np.zeros(image.shape, bool)
    empty[:100] = True
    assert find_peaks(image, empty=empty).position[:, 0].min() > 95


def test_a_given_spacing_finds_particles_without_a_lattice():
    rng = np.random.default_rng(0)
    places = np.stack(np.mgrid[20:220:28, 20:220:28], -1).reshape(-1, 2) + rng.uniform(
        -9, 9, (64, 2)
    )
    signal = draw_gaussians((230, 230), places, np.ones(64), np.full(64, 4.0))
    image = rng.poisson(40 * (signal + 0.3)).astype(np.float32)
    peaks = find_peaks(image, band_pass=choose_band_pass(image, 18.0), least_order=0.0)
    assert f1(peaks.position, places, 18.0, 230) > 0.96


def test_noise_has_none():
    noise = np.random.default_rng(0).poisson(20, (200, 200)).astype(np.float32)
    assert find_peaks(noise) is None
