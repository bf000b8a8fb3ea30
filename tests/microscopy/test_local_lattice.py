"""Lattice vectors and strain of known lattices."""

import numpy as np
import pytest

from vaerun.microscopy.local_lattice import local_lattice

CELLS = np.stack(np.mgrid[:24, :24], -1).reshape(-1, 2).astype(float)
ONE = np.zeros(len(CELLS), int)


def test_the_vectors_are_the_shortest_ones_to_the_right_and_counter_clockwise():
    lattice = local_lattice(CELLS @ np.array([[10.0, 3.0], [0.0, 12.0]]), ONE)
    np.testing.assert_allclose(lattice.a, np.tile([0.0, 12.0], (len(CELLS), 1)), atol=1e-6)
    # up, since rows point down
    np.testing.assert_allclose(lattice.b, np.tile([-10.0, -3.0], (len(CELLS), 1)), atol=1e-6)
    np.testing.assert_allclose(lattice.strain, 0, atol=1e-9)


def test_a_strained_region_shows_its_strain():
    places = 10 * CELLS
    places[:, 1] += np.where(places[:, 1] > 180, 0.04 * (places[:, 1] - 180), 0)
    lattice = local_lattice(places, ONE)
    inner = (places[:, 1] > 190) & (places[:, 1] < 220)
    far = places[:, 1] < 60
    assert lattice.strain[inner, 1].mean() == pytest.approx(0.02, abs=0.012)
    assert abs(lattice.strain[far]).max() < 1e-6
    assert abs(lattice.strain[:, 0]).max() < 1e-6


def test_a_rotated_atom_pair_of_shells_gives_the_rotation():
    angle = 0.02
    places = 10 * (CELLS - 11.5)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    near = np.linalg.norm(places, axis=1) < 25
    turned = places.copy()
    turned[near] = places[near] @ turn  # counter-clockwise: columns to rows above
    lattice = local_lattice(turned, ONE)
    middle = np.linalg.norm(places, axis=1).argmin()
    direction = turned[np.linalg.norm(places - [5, 15], axis=1).argmin()] - turned[middle]
    original = places[np.linalg.norm(places - [5, 15], axis=1).argmin()] - places[middle]
    counter_clockwise = np.arctan2(-direction[0], direction[1]) - np.arctan2(
        -original[0], original[1]
    )
    assert lattice.rotation[middle] == pytest.approx(counter_clockwise, rel=0.35)


def test_sublattices_are_apart_and_single_atoms_have_none():
    places = np.concatenate([10 * CELLS, 10 * CELLS + 5, [[900.0, 900.0]]])
    kind = np.concatenate([ONE, ONE + 1, [2]])
    lattice = local_lattice(places, kind)
    assert np.isnan(lattice.rotation[-1])
    np.testing.assert_allclose(np.linalg.norm(lattice.a[:-1], axis=1), 10, rtol=1e-6)
