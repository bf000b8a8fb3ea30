"""Simulated movies: the truth of each frame against the geometry of its atoms."""

import dataclasses
import itertools

import numpy as np
import pytest

from vaerun.microscopy import rings
from vaerun.microscopy.bonds import RULE_A, find_bonds, ideal, threefold_phase, within_bonds
from vaerun.microscopy.simulation import movie
from vaerun.microscopy.simulation.movie import Scenario, Truth, simulate_movie

SMALL = Scenario(
    n_frames=3, height=36, width=40, silicon=10, fourfold=3, grain=5.0, amorphous=8.0, holes=1,
    rotations=(3, 2.0), vacancies=(1, 1.0), growth=4.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def movie_frames() -> list[Truth]:
    return list(simulate_movie(SMALL, 0))


def inside(truth: Truth) -> np.ndarray:
    return ((truth.position > 0) & (truth.position < (SMALL.height, SMALL.width))).all(1)


def test_rings_from_true_positions_are_those_of_the_network(movie_frames: list[Truth]):
    for truth in movie_frames:
        bonds = find_bonds(truth.position, RULE_A, truth.species)
        faces = rings.find_rings(truth.position, bonds)
        sizes = rings.ring_sizes(faces, len(truth.position))
        in_frame = inside(truth)
        assert (sizes[in_frame] == truth.ring_sizes[in_frame]).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_rings_are_those_of_the_network_under_a_harsh_beam(seed: int):
    harsh = dataclasses.replace(SMALL, boundary=seed % 2 == 0, silicon=40, amorphous=15.0)
    for truth in simulate_movie(harsh, seed):
        bonds = find_bonds(truth.position, RULE_A, truth.species)
        sizes = rings.ring_sizes(rings.find_rings(truth.position, bonds), len(truth.position))
        in_frame = inside(truth)
        assert (sizes[in_frame] == truth.ring_sizes[in_frame]).all()


def test_bonds_are_of_the_length_of_carbon_and_silicon(movie_frames: list[Truth]):
    truth = movie_frames[-1]
    bonds = truth.bonds[inside(truth)[truth.bonds].all(1)]
    length = np.hypot(*(truth.position[bonds[:, 1]] - truth.position[bonds[:, 0]]).T)
    with_si = (truth.species[bonds] == 1).any(1)
    assert np.median(length[~with_si]) == pytest.approx(1.42, abs=0.02)
    assert np.median(length[with_si]) == pytest.approx(1.72, abs=0.06)
    assert np.percentile(length[~with_si], [1, 99]) == pytest.approx([1.35, 1.5], abs=0.08)


def test_density_is_that_of_graphene():
    quiet = Scenario(n_frames=1, height=50, width=50, silicon=0, fourfold=0, rotations=(0, 0),
                  vacancies=(0, 0), holes=0, amorphous=0, grain=0, strain=0.0)  # fmt: skip
    truth = next(simulate_movie(quiet, 3))
    n = ((truth.position > 0) & (truth.position < 50)).all(1).sum()
    assert n / 2500 == pytest.approx(0.3818, rel=0.02)
    assert set(truth.sublattice[inside(truth)].tolist()) <= {0, 1, -1}


def test_neighbours_are_of_the_other_sublattice(movie_frames: list[Truth]):
    truth = movie_frames[0]
    of_bond = truth.sublattice[truth.bonds]
    labelled = of_bond[(of_bond >= 0).all(1)]
    assert len(labelled) > 100
    assert (labelled[:, 0] != labelled[:, 1]).all()


def test_things_happen(movie_frames: list[Truth]):
    first, last = movie_frames[0], movie_frames[-1]
    assert inside(last).sum() < inside(first).sum()  # atoms have left
    assert last.amorphous.sum() > first.amorphous.sum()
    assert (first.species[inside(first)] == 1).sum() >= 8
    assert (first.sublattice[first.species == 1] == -1).all()


@pytest.mark.parametrize("n_frames", [2, 4])
def test_as_many_holes_open_as_the_scenario_has(n_frames: int, monkeypatch: pytest.MonkeyPatch):
    made = []

    class Simulation(movie._BeamSimulation):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(movie, "_BeamSimulation", Simulation)
    list(simulate_movie(dataclasses.replace(SMALL, n_frames=n_frames, holes=3, growth=0.0), 1))
    assert len(made[0].hole_edges) == 3


def test_the_same_seed_gives_the_same_movie():
    one, other, another = (
        list(itertools.islice(simulate_movie(SMALL, seed), 2)) for seed in (5, 5, 6)
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.position, b.position)
        np.testing.assert_array_equal(a.ring_sizes, b.ring_sizes)
    assert one[0].position.shape != another[0].position.shape or not np.allclose(
        one[0].position, another[0].position
    )


@pytest.mark.parametrize("turn", [0.0, 0.4, 2.0])
def test_the_phase_turns_three_times_as_fast_as_the_atoms(turn: float):
    directions = np.deg2rad([10, 130, 250]) + turn
    around = np.stack([-np.sin(directions), np.cos(directions)], axis=1)
    position = np.concatenate([np.zeros((1, 2)), around])
    bonds = np.array([[0, 1], [0, 2], [0, 3]])
    phase = threefold_phase(position, bonds)[0]
    assert np.abs(phase) == pytest.approx(1)
    expected = 3 * (np.deg2rad(10) + turn)
    assert np.exp(1j * np.angle(phase)) == pytest.approx(np.exp(1j * expected))


def test_an_atom_is_ideal_in_three_rings_of_six():
    sizes = np.array([[6, 6, 6, 0], [5, 6, 6, 0], [6, 6, 0, 0], [6, 6, 6, 6]])
    assert ideal(sizes).tolist() == [True, False, False, False]


def test_what_is_near_is_some_bonds_away():
    n = 9  # a chain, with something at its end
    linked = np.full((n, 4), -1)
    linked[1:, 0] = np.arange(n - 1)
    linked[:-1, 1] = np.arange(1, n)
    there = np.arange(n) == n - 1
    assert within_bonds(there, linked, 4).tolist() == [False] * 4 + [True] * 5
    assert within_bonds(there, linked, 0).tolist() == there.tolist()
