"""Simulated lattices: where the columns are, how bright, and what is missing."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from vaerun.microscopy.simulation.lattices import CRYSTALS, LatticeScene, simulate_lattice


def frame(crystal: str, seed: int = 0, **changes: object):
    scene = LatticeScene(**({"crystal": crystal, "shape": (200, 240)} | changes))
    return simulate_lattice(scene, np.random.default_rng(seed))


@pytest.mark.parametrize("crystal", list(CRYSTALS))
def test_nearest_columns_are_a_spacing_apart(crystal: str):
    truth = frame(crystal, polar=0.0).truth
    inner = ((truth.position > 30) & (truth.position < [170, 210])).all(1)
    distance, _ = cKDTree(truth.position).query(truth.position[inner], k=2)
    np.testing.assert_allclose(distance[:, 1], 12.0, rtol=1e-6)


@pytest.mark.parametrize("crystal", list(CRYSTALS))
def test_a_frame_is_bright_at_its_columns(crystal: str):
    image, truth = frame(crystal, dose=300.0)
    rows, columns = np.rint(truth.position).astype(int).T
    at = image[rows.clip(0, 199), columns.clip(0, 239)] / truth.brightness
    assert at[truth.sublattice == 0].mean() > 1.5 * np.median(image / image.mean()) * 100
    assert image.shape == (200, 240)


def test_thickness_rises_as_asked():
    truth = frame("square", thickness=3.0).truth
    assert truth.brightness.min() == pytest.approx(1.0, abs=0.1)
    assert truth.brightness.max() == pytest.approx(3.0, abs=0.1)


def test_inner_columns_are_off_centre_by_the_polarisation():
    truth = frame("perovskite", polar=0.2).truth
    outer = truth.position[truth.sublattice == 0]
    for row in np.flatnonzero(truth.sublattice == 1)[::9]:
        place = truth.position[row]
        if not ((place > 30) & (place < [170, 210])).all():
            continue
        _, corners = cKDTree(outer).query(place, k=4)
        off = np.linalg.norm(place - outer[corners].mean(0))
        assert off == pytest.approx(12.0 * abs(truth.polar[row]), abs=1e-6)


def test_vacancies_are_of_lighter_columns_as_often_as_asked():
    truth = frame("dichalcogenide", vacancies=0.2, shape=(400, 400)).truth
    light = truth.sublattice == 1
    assert np.isnan(truth.vacancy[~light]).all()
    assert truth.vacancy[light].mean() == pytest.approx(0.2, abs=0.05)


def test_grains_differ_in_angle_and_keep_apart():
    truth = frame("hexagonal", grains=2, shape=(300, 300)).truth
    assert len(np.unique(truth.angle)) == 2
    distance, _ = cKDTree(truth.position).query(truth.position, k=2)
    assert distance[:, 1].min() > 0.75 * 12


def test_there_is_nothing_in_vacuum():
    image, truth = frame("square", vacuum=0.25)
    assert truth.position[:, 1].min() > 50
    assert image[:, :20].mean() < 0.1 * image.mean()


def test_the_same_seed_gives_the_same_frame():
    np.testing.assert_array_equal(frame("square", 3).image, frame("square", 3).image)
