"""The table of atoms of several frames: neighbours are rows of the table, as are all columns."""

import numpy as np

from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.peaks import find_peaks
from vaerun.microscopy.simulation.lattices import LatticeScene, simulate_lattice


def table() -> LatticeAtoms:
    scene = LatticeScene(crystal="perovskite", shape=(180, 180), polar=0.0)
    found = [find_peaks(simulate_lattice(scene, np.random.default_rng(k)).image) for k in (0, 1)]
    return LatticeAtoms.of_frames([found[0], None, found[1]])


def test_frames_follow_one_another():
    atoms = table()
    assert set(atoms.frame) == {0, 2}
    assert (np.diff(atoms.frame) >= 0).all()
    assert len(atoms) == len(atoms.strain) == len(atoms.neighbours)


def test_neighbours_are_near_and_of_the_same_frame():
    atoms = table()
    rows, k = np.nonzero(atoms.neighbours >= 0)
    near = atoms.neighbours[rows, k]
    assert (atoms.frame[rows] == atoms.frame[near]).all()
    distance = np.linalg.norm(atoms.position[rows] - atoms.position[near], axis=1)
    assert distance.min() > 10
    assert distance.max() < 16
    # of a perovskite's column those of the other kind
    inner = ((atoms.position > 25) & (atoms.position < 155)).all(1)
    assert ((atoms.neighbours >= 0).sum(1)[inner] == 4).mean() > 0.98
    assert (atoms.species[rows] != atoms.species[near]).mean() > 0.98


def test_lattice_vectors_are_those_of_one_kind():
    atoms = table()
    for vector in (atoms.lattice_a, atoms.lattice_b):
        np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 12 * 2**0.5, rtol=0.02)
    assert np.abs(atoms.strain).max() < 0.1
