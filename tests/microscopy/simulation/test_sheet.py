"""Rings of a sheet after each of its changes, by size."""

import numpy as np
import pytest

from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.simulation.initial_sheet import (
    Grain,
    StrainField,
    fix_seams,
    ring_centres,
)
from vaerun.microscopy.simulation.sheet import Sheet

HALF = np.array([22.0, 22.0])


def sheet(grain: Grain | None = None) -> Sheet:
    return Sheet(ring_centres(HALF, 0.3, grain))


def middle(sheet: Sheet) -> tuple[int, int]:
    """Two bonded atoms near the middle."""
    i = int(np.hypot(*sheet.position.T).argmin())
    return i, min(sheet.bonded[i])


def sizes_by_count(sheet: Sheet) -> dict[int, int]:
    """Number of atoms in rings of each size other than 6, away from the rim."""
    inner = sheet.alive & (np.abs(sheet.position) < 14).all(1)
    sizes = sheet.ring_sizes()[inner]
    # an atom sees each of its rings: a ring of n atoms is counted n times
    values, counts = np.unique(sizes[sizes > 0], return_counts=True)
    return {int(n): int(c) for n, c in zip(values, counts, strict=True) if n != 6}


def test_a_lattice_has_bonds_of_one_length_and_rings_of_six():
    lattice = sheet()
    assert sizes_by_count(lattice) == {}
    bonds = lattice.bonds()
    inner = bonds[(np.abs(lattice.position[bonds]) < 14).all((1, 2))]
    length = np.hypot(*np.diff(lattice.position[inner], axis=1)[:, 0].T)
    np.testing.assert_allclose(length, 1.42, rtol=1e-6)


def test_a_turned_bond_makes_two_rings_of_five_and_two_of_seven():
    changed = sheet()
    assert changed.rotate(*middle(changed))
    assert sizes_by_count(changed) == {5: 10, 7: 14}
    assert all(len(others) == 3 for i, others in enumerate(changed.bonded) if not changed.rim[i])


def test_a_turned_bond_turns_back():
    changed = sheet()
    i, j = middle(changed)
    before = [others.copy() for others in changed.bonded]
    assert changed.rotate(i, j)
    assert changed.bonded != before
    assert changed.rotate(i, j)
    assert sizes_by_count(changed) == {}


def test_a_divacancy_closes_to_rings_of_five_eight_and_five():
    changed = sheet()
    i, j = middle(changed)
    assert changed.divacancy(i, j)
    assert sizes_by_count(changed) == {5: 10, 8: 8}
    assert not changed.alive[[i, j]].any()


def test_a_fourfold_silicon_takes_the_place_of_two_atoms():
    changed = sheet()
    i, j = middle(changed)
    assert changed.contract(i, j)
    assert changed.species[i] == SILICON
    assert len(changed.bonded[i]) == 4
    assert changed.ring_sizes()[i].tolist() == [5, 5, 6, 6]


def test_an_atom_knocked_out_leaves_a_hole_of_twelve():
    changed = sheet()
    i, _ = middle(changed)
    others = changed.bonded[i].copy()
    changed.knock_out(i)
    assert sizes_by_count(changed) == {12: 12}
    assert all(changed.ring_sizes()[j].tolist() == [6, 12, 0, 0] for j in others)


def test_what_hangs_by_one_bond_leaves_too():
    changed = sheet()
    i, j = middle(changed)
    changed.knock_out(i)
    k = min(changed.bonded[j])
    changed.knock_out(k)
    assert not changed.alive[j]
    assert min(len(changed.bonded[a]) for a in np.flatnonzero(changed.alive & ~changed.rim)) >= 2


def test_nothing_is_changed_at_the_side_of_a_hole_or_the_rim():
    changed = sheet()
    i, j = middle(changed)
    k = min(changed.bonded[j] - {i})
    changed.knock_out(i)
    assert not changed.rotate(j, k)
    rim = int(np.flatnonzero(changed.rim)[0])
    assert not changed.contract(rim, min(changed.bonded[rim]))


@pytest.mark.parametrize(
    "grain",
    [Grain(np.zeros(2), 7.0, np.deg2rad(25)), Grain(np.array([1.0, 0.5]), np.inf, np.deg2rad(20))],
)
def test_a_grain_is_set_in_by_rings_of_five_and_seven(grain: Grain):
    changed = sheet(grain)
    fix_seams(changed)
    counts = sizes_by_count(changed)
    assert counts[5] > 0
    assert counts[7] > 0
    odd = sum(c for n, c in counts.items() if n not in (5, 7))
    assert odd <= 0.25 * (counts[5] + counts[7])


def test_strain_is_as_strong_as_asked_and_is_the_divergence_of_the_displacement():
    rng = np.random.default_rng(0)
    field = StrainField(0.02, np.array([30.0, 30.0]), rng)
    points = rng.uniform(-200, 200, (4000, 2))
    _, strain = field(points)
    assert strain.std() == pytest.approx(0.02, rel=0.15)
    step = 1e-4
    divergence = sum(
        (field(points + step * axis)[0] - field(points - step * axis)[0])[:, k] / (2 * step) - 1
        for k, axis in enumerate(np.eye(2))
    )
    np.testing.assert_allclose(strain, divergence / 2, atol=1e-6)
