"""Simulated graphene under the beam, frame by frame, with the true properties of each atom.

Silicon hops, bonds rotate, vacancies open and grow into holes, an amorphous region spreads, rings
of five and seven enclose a small grain, the sheet is strained and drifts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.bonds import (
    RULE_A,
    find_bonds,
    ideal,
    neighbours,
    threefold_phase,
    within_bonds,
)
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.simulation.initial_sheet import (
    Grain,
    StrainField,
    fix_seams,
    ring_centres,
)
from vaerun.microscopy.simulation.relax import relax
from vaerun.microscopy.simulation.sheet import Sheet

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Events of a movie; lengths in Å, rates as means a frame.

    Attributes
    ----------
    n_frames
        Number of frames.
    height, width
        Field of view.
    silicon, fourfold
        Numbers of threefold and fourfold Si atoms at the start.
    hop
        Probability, in each frame, that a threefold Si changes places with a neighbour.
    rotations, vacancies
        Bonds that rotate and divacancies that form: number at the start, and rate.
    holes, growth
        Number of holes, all opened in the first half; atoms that a hole loses, as a rate.
    amorphous
        Radius of the amorphous region in the last frame; 0 for none.
    grain, grain_turn_deg
        Radius and rotation of a grain in the lattice; radius 0 for none.
    boundary
        Whether the grain is a half-plane.
    strain
        Root mean square of the smooth strain.
    drift
        Standard deviation of the drift along each axis, Å a frame.
    """

    n_frames: int = 50
    height: float = 71.7
    width: float = 71.7
    silicon: int = 24
    fourfold: int = 5
    hop: float = 0.25
    rotations: tuple[int, float] = (5, 0.5)
    vacancies: tuple[int, float] = (3, 0.25)
    holes: int = 2
    growth: float = 1.5
    amorphous: float = 11.0
    grain: float = 7.0
    grain_turn_deg: float = 25.0
    boundary: bool = False
    strain: float = 0.012
    drift: float = 0.15


@dataclass(frozen=True, kw_only=True)
class Truth:
    """N atoms of one frame, and of the sheet around it.

    Attributes
    ----------
    position
        (N, 2) row and column, Å from the corner of the frame.
    species
        (N,) `CARBON` or `SILICON`.
    ring_sizes
        (N, 4) sizes of the rings that share the atom, ascending, 0 after the last.
    sublattice
        (N,) 0 or 1 for atoms of the undisturbed lattice, −1 for others.
    ideal
        (N,) whether the atom is shared by exactly three rings of six.
    amorphous
        (N,) whether the atom is in the amorphous region.
    strain
        (N,) local mean linear strain.
    bonds
        (B, 2) pairs of bonded atoms.
    """

    position: Floats
    species: Ints
    ring_sizes: Ints
    sublattice: Ints
    ideal: Bools
    amorphous: Bools
    strain: Floats
    bonds: Ints


_FLAWLESS_BONDS = 3  # the lattice is undisturbed at atoms with no defect within so many bonds
_MARGIN_A = 12.0  # least width of the sheet beyond the frame
_FIRST_STEPS, _STEPS = 250, 80  # of relaxation, before the first frame and each later one


def simulate_movie(scenario: Scenario, seed: int) -> Iterator[Truth]:
    """The true atoms of one frame after the other; the same seed gives the same movie."""
    simulation = _BeamSimulation(scenario, np.random.default_rng(seed))
    for number in range(scenario.n_frames):
        yield simulation.frame(number)


class _BeamSimulation:
    """A sheet that changes from frame to frame; its origin is the middle of the field."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self.scenario, self.rng = scenario, rng
        self.angle = rng.uniform(0, 2 * np.pi)
        self.travel = np.cumsum(rng.normal(0, scenario.drift, (scenario.n_frames, 2)), axis=0)
        reach = np.abs(self.travel).max(initial=0) + _MARGIN_A
        half = np.array([scenario.height, scenario.width]) / 2 + reach
        self.sheet = Sheet(ring_centres(half, self.angle, _grain(scenario, rng)))
        self.strain_field = StrainField(scenario.strain, half, rng)
        self.amorphous_centre = rng.uniform(-0.7, 0.7, 2) * half
        self.amorphous_radius = 0.0
        self.hole_at = rng.integers(1, max(scenario.n_frames // 2, 2), scenario.holes).tolist()
        self.hole_edges: list[set[int]] = []
        self._prepare()

    def _prepare(self) -> None:
        """Repair the seams of the grain, add silicon and defects, and relax."""
        sheet, scenario = self.sheet, self.scenario
        fix_seams(sheet)
        for _ in range(scenario.fourfold):
            self._at_random_bond(sheet.contract)
        for _ in range(scenario.vacancies[0]):
            self._at_random_bond(sheet.divacancy)
        for _ in range(scenario.rotations[0]):
            self._at_random_bond(sheet.rotate)
        inner = self._inner()
        chosen = self.rng.choice(inner, min(scenario.silicon, len(inner)), replace=False)
        sheet.species[chosen[[len(sheet.bonded[i]) == 3 for i in chosen]]] = SILICON
        relax(sheet, _FIRST_STEPS)
        self._remove_misplaced()

    def frame(self, number: int) -> Truth:
        """The atoms of a frame, after the events since the previous one."""
        if number:
            self._apply_events(number)
            relax(self.sheet, _STEPS)
            self._remove_misplaced()
        return self._truth(number)

    def _apply_events(self, number: int) -> None:
        sheet, scenario, rng = self.sheet, self.scenario, self.rng
        for i in np.flatnonzero(sheet.alive & (sheet.species == SILICON)):
            if len(sheet.bonded[i]) == 3 and rng.random() < scenario.hop:
                other = rng.choice(sorted(sheet.bonded[i]))
                if len(sheet.bonded[other]) == 3:
                    sheet.species[[i, other]] = sheet.species[[other, i]]
        for _ in range(rng.poisson(scenario.rotations[1])):
            self._at_random_bond(sheet.rotate)
        for _ in range(rng.poisson(scenario.vacancies[1])):
            self._at_random_bond(sheet.divacancy)
        for _ in range(self.hole_at.count(number)):
            start = int(rng.choice(self._inner()))
            self.hole_edges.append(set(sheet.bonded[start]))
            sheet.knock_out(start)
        for edge in self.hole_edges:
            for _ in range(rng.poisson(scenario.growth)):
                self._erode(edge)
        self._amorphise(number)

    def _at_random_bond(self, change: Callable[[int, int], bool]) -> None:
        """Apply a change to the first of 20 random bonds that allows it."""
        for _ in range(20):
            i = int(self.rng.choice(self._inner()))
            others = sorted(self.sheet.bonded[i])
            if others and change(i, int(self.rng.choice(others))):
                return

    def _erode(self, edge: set[int]) -> None:
        """Remove an atom at the edge of a hole."""
        sheet = self.sheet
        edge &= set(np.flatnonzero(sheet.alive).tolist())
        if edge:
            i = int(self.rng.choice(sorted(edge)))
            edge |= sheet.bonded[i]
            sheet.knock_out(i)

    def _amorphise(self, number: int) -> None:
        """Enlarge the amorphous region and rotate bonds in it, where rings of 5 to 8 allow it."""
        if not self.scenario.amorphous:
            return
        self.amorphous_radius = self.scenario.amorphous * (number + 1) / self.scenario.n_frames
        away = np.hypot(*(self.sheet.position - self.amorphous_centre).T)
        inside = np.flatnonzero(self.sheet.alive & (away < self.amorphous_radius))
        n_rotations = self.rng.poisson(0.02 * len(inside) + 0.5)
        for _ in range(n_rotations if len(inside) else 0):
            i = int(self.rng.choice(inside))
            if self.sheet.bonded[i]:
                self.sheet.rotate(i, int(self.rng.choice(sorted(self.sheet.bonded[i]))))

    def _remove_misplaced(self) -> None:
        """Remove atoms whose bonds by distance are not those of the network, and relax."""
        sheet = self.sheet
        for _ in range(10):
            odd = _misplaced(sheet, self.strain_field)
            if not len(odd):
                return
            for i in odd:
                if sheet.alive[i]:
                    sheet.knock_out(int(i))
            relax(sheet, _STEPS // 2)
        assert not len(_misplaced(sheet, self.strain_field)), "the sheet did not relax"

    def _inner(self) -> Ints:
        """Atoms in the frame, or at most 3 Å outside."""
        half = np.array([self.scenario.height, self.scenario.width]) / 2 + 3
        inside = (np.abs(self.sheet.position) < half).all(1)
        return np.flatnonzero(self.sheet.alive & inside)

    def _truth(self, number: int) -> Truth:
        sheet, scenario = self.sheet, self.scenario
        alive = np.flatnonzero(sheet.alive)
        renumber = np.full(len(sheet.alive), -1)
        renumber[alive] = np.arange(len(alive))
        position, strain = self.strain_field(sheet.position[alive])
        away = np.hypot(*(sheet.position[alive] - self.amorphous_centre).T)
        pairs = renumber[sheet.bonds()]
        sizes = sheet.ring_sizes()[alive]
        linked = neighbours(pairs, len(alive))
        ideal_atoms = ideal(sizes)
        odd = ~ideal_atoms | (sheet.species[alive] == SILICON)
        flawless = ~within_bonds(odd, linked, _FLAWLESS_BONDS)
        corner = np.array([scenario.height, scenario.width]) / 2 + self.travel[number]
        return Truth(
            position=position + corner,
            species=sheet.species[alive],
            ring_sizes=sizes,
            sublattice=_sublattice(sheet.position[alive], pairs, flawless, self.angle),
            ideal=ideal_atoms,
            amorphous=away < (self.amorphous_radius + 3 if scenario.amorphous else 0),
            strain=strain,
            bonds=pairs,
        )


def _grain(scenario: Scenario, rng: np.random.Generator) -> Grain | None:
    rotation = np.deg2rad(scenario.grain_turn_deg) * rng.choice([-1, 1])
    if scenario.boundary:
        return Grain(rng.normal(size=2), np.inf, rotation)
    if scenario.grain:
        reach = np.array([scenario.height, scenario.width]) / 2 - scenario.grain
        return Grain(rng.uniform(-1, 1, 2) * np.maximum(reach, 0), scenario.grain, rotation)
    return None


def _misplaced(sheet: Sheet, strain_field: StrainField) -> Ints:
    """Atoms, (M,), whose bonds are not those of `find_bonds` in the strained sheet."""
    alive = np.flatnonzero(sheet.alive)
    position, _ = strain_field(sheet.position[alive])
    by_distance = alive[find_bonds(position, RULE_A, sheet.species[alive])]
    n = len(sheet.alive)
    odd = np.setxor1d(np.sort(by_distance, axis=1) @ [n, 1], sheet.bonds() @ [n, 1])
    atoms = np.unique(np.concatenate([odd // n, odd % n]))
    return atoms[~sheet.rim[atoms]]


def _sublattice(position: Floats, pairs: Ints, flawless: Bools, angle: float) -> Ints:
    """Sublattice, 0 or 1, of flawless atoms of a lattice rotated by an angle; −1 of others."""
    side = (threefold_phase(position, pairs) * np.exp(-3j * angle)).imag
    return np.where(flawless & (np.abs(side) > 0.8), (side < 0).astype(np.int64), -1)
