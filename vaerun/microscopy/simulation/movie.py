"""Graphene under the beam, frame by frame, with all that is true of each atom.

Silicon hops, bonds turn, vacancies open and grow into holes, an amorphous region spreads, a small
grain is set in by a string of rings of five and seven, the sheet is strained and drifts.

What is to happen in a simulated movie, and what is true of each of its frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.bonds import (
    RULE_A,
    bonds,
    ideal,
    neighbours,
    threefold_phase,
    within_bonds,
)
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.simulation.initial_sheet import Grain, StrainField, mend_seams, ring_centres
from vaerun.microscopy.simulation.relax import relax
from vaerun.microscopy.simulation.sheet import Sheet

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens in a movie; rates are means a frame, lengths in Å.

    Attributes
    ----------
    n_frames
        F.
    height, width
        Of the field of view.
    silicon, fourfold
        Atoms of either kind at the start.
    hop
        Chance of a threefold Si to change places with a neighbour.
    rotations, vacancies
        Bonds that turn and pairs of atoms that leave: those at the start, and the rate.
    holes, growth
        Holes that open, in the first half; atoms that each loses a frame.
    amorphous
        Radius of the amorphous region in the last frame; 0 for none.
    grain, grain_turn_deg
        Radius of a grain within the lattice, and by how much it is turned; 0 for none.
    boundary
        Whether two half-planes meet instead, turned against each other.
    strain
        Root mean square of the smooth strain.
    drift
        Å a frame.
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
    """The atoms of one frame and of the sheet about it.

    Attributes
    ----------
    position
        (N, 2) Å from the frame's corner.
    species
        (N,) 0 C, 1 Si.
    ring_sizes
        (N, 4) ascending, 0 where there are no more.
    sublattice
        (N,) 0 or 1 for atoms of the undisturbed lattice, −1 elsewhere.
    ideal
        (N,) whether its rings are three of six.
    amorphous
        (N,) whether an atom lies in the amorphous region.
    strain
        (N,) local dilatation.
    bonds
        (B, 2).
    """

    position: Floats
    species: Ints
    ring_sizes: Ints
    sublattice: Ints
    ideal: Bools
    amorphous: Bools
    strain: Floats
    bonds: Ints


_FLAWLESS_BONDS = 3  # bonds away within which all is ideal where the lattice is undisturbed
_MARGIN_A = 12.0  # of sheet beyond the frame, at least
_FIRST_STEPS, _STEPS = 250, 80  # of relaxation


def simulate_movie(story: Scenario, seed: int) -> Iterator[Truth]:
    """The frames of a movie, one after the other; the same seed plays the same movie."""
    rng = np.random.default_rng(seed)
    film = _BeamSimulation(story, rng)
    for number in range(story.n_frames):
        yield film.frame(number)


class _BeamSimulation:
    """A sheet and what becomes of it; positions of the sheet are centred in the field."""

    def __init__(self, story: Scenario, rng: np.random.Generator) -> None:
        self.story, self.rng = story, rng
        self.angle = rng.uniform(0, 2 * np.pi)
        self.travel = np.cumsum(rng.normal(0, story.drift, (story.n_frames, 2)), axis=0)
        reach = np.abs(self.travel).max(initial=0) + _MARGIN_A
        half = np.array([story.height, story.width]) / 2 + reach
        self.sheet = Sheet(ring_centres(half, self.angle, _grain(story, rng)))
        self.strain_field = StrainField(story.strain, half, rng)
        self.wild_centre = rng.uniform(-0.7, 0.7, 2) * half
        self.wild_radius = 0.0
        self.hole_at = rng.integers(1, max(story.n_frames // 2, 2), story.holes).tolist()
        self.hole_edges: list[set[int]] = []
        self._begin()

    def _begin(self) -> None:
        sheet, story = self.sheet, self.story
        mend_seams(sheet)
        for _ in range(story.fourfold):
            self._somewhere(sheet.contract)
        for _ in range(story.vacancies[0]):
            self._somewhere(sheet.divacancy)
        for _ in range(story.rotations[0]):
            self._somewhere(sheet.rotate)
        inner = self._inner()
        chosen = self.rng.choice(inner, min(story.silicon, len(inner)), replace=False)
        sheet.species[chosen[[len(sheet.bonded[i]) == 3 for i in chosen]]] = SILICON
        relax(sheet, _FIRST_STEPS)
        self._settle()

    def frame(self, number: int) -> Truth:
        """What a frame shows, after what has happened since the one before."""
        if number:
            self._happen(number)
            relax(self.sheet, _STEPS)
            self._settle()
        return self._truth(number)

    def _happen(self, number: int) -> None:
        sheet, story, rng = self.sheet, self.story, self.rng
        for i in np.flatnonzero(sheet.alive & (sheet.species == SILICON)):
            if len(sheet.bonded[i]) == 3 and rng.random() < story.hop:
                other = rng.choice(sorted(sheet.bonded[i]))
                if len(sheet.bonded[other]) == 3:
                    sheet.species[[i, other]] = sheet.species[[other, i]]
        for _ in range(rng.poisson(story.rotations[1])):
            self._somewhere(sheet.rotate)
        for _ in range(rng.poisson(story.vacancies[1])):
            self._somewhere(sheet.divacancy)
        for _ in range(self.hole_at.count(number)):
            start = int(rng.choice(self._inner()))
            self.hole_edges.append(set(sheet.bonded[start]))
            sheet.knock_out(start)
        for edge in self.hole_edges:
            for _ in range(rng.poisson(story.growth)):
                self._erode(edge)
        self._scramble(number)

    def _somewhere(self, change: Callable[[int, int], bool]) -> None:
        """Try a change at random bonds until one bears it."""
        for _ in range(20):
            i = int(self.rng.choice(self._inner()))
            others = sorted(self.sheet.bonded[i])
            if others and change(i, int(self.rng.choice(others))):
                return

    def _erode(self, edge: set[int]) -> None:
        """Knock out an atom at the edge of a hole."""
        sheet = self.sheet
        edge &= set(np.flatnonzero(sheet.alive).tolist())
        if edge:
            i = int(self.rng.choice(sorted(edge)))
            edge |= sheet.bonded[i]
            sheet.knock_out(i)

    def _scramble(self, number: int) -> None:
        """Let the amorphous region grow: its bonds turn at random, as rings of 5 to 8 allow."""
        if not self.story.amorphous:
            return
        self.wild_radius = self.story.amorphous * (number + 1) / self.story.n_frames
        away = np.hypot(*(self.sheet.position - self.wild_centre).T)
        ring = np.flatnonzero(self.sheet.alive & (away < self.wild_radius))
        n_turns = self.rng.poisson(0.02 * len(ring) + 0.5)
        for _ in range(n_turns if len(ring) else 0):
            i = int(self.rng.choice(ring))
            if self.sheet.bonded[i]:
                self.sheet.rotate(i, int(self.rng.choice(sorted(self.sheet.bonded[i]))))

    def _settle(self) -> None:
        """Knock out what found no place: atoms that geometry bonds otherwise than the network."""
        sheet = self.sheet
        for _ in range(10):
            odd = _misplaced(sheet, self.strain_field)
            if not len(odd):
                return
            for i in odd:
                if sheet.alive[i]:
                    sheet.knock_out(int(i))
            relax(sheet, _STEPS // 2)
        assert not len(_misplaced(sheet, self.strain_field)), "the sheet did not come to rest"

    def _inner(self) -> Ints:
        """Atoms away from the rim."""
        half = np.array([self.story.height, self.story.width]) / 2 + 3
        inside = (np.abs(self.sheet.position) < half).all(1)
        return np.flatnonzero(self.sheet.alive & inside)

    def _truth(self, number: int) -> Truth:
        sheet, story = self.sheet, self.story
        alive = np.flatnonzero(sheet.alive)
        renumber = np.full(len(sheet.alive), -1)
        renumber[alive] = np.arange(len(alive))
        position, strain = self.strain_field(sheet.position[alive])
        away = np.hypot(*(sheet.position[alive] - self.wild_centre).T)
        pairs = renumber[sheet.bonds()]
        sizes = sheet.ring_sizes()[alive]
        linked = neighbours(pairs, len(alive))
        ideal_atoms = ideal(sizes)
        odd = ~ideal_atoms | (sheet.species[alive] == SILICON)
        flawless = ~within_bonds(odd, linked, _FLAWLESS_BONDS)
        corner = np.array([story.height, story.width]) / 2 + self.travel[number]
        return Truth(
            position=position + corner,
            species=sheet.species[alive],
            ring_sizes=sizes,
            sublattice=_sublattice(sheet.position[alive], pairs, flawless, self.angle),
            ideal=ideal_atoms,
            amorphous=away < (self.wild_radius + 3 if story.amorphous else 0),
            strain=strain,
            bonds=pairs,
        )


def _grain(story: Scenario, rng: np.random.Generator) -> Grain | None:
    turn = np.deg2rad(story.grain_turn_deg) * rng.choice([-1, 1])
    if story.boundary:
        return Grain(rng.normal(size=2), np.inf, turn)
    if story.grain:
        reach = np.array([story.height, story.width]) / 2 - story.grain
        return Grain(rng.uniform(-1, 1, 2) * np.maximum(reach, 0), story.grain, turn)
    return None


def _misplaced(sheet: Sheet, strain_field: StrainField) -> Ints:
    """Atoms whose bonds are not those that their places in the strained sheet tell, (M,)."""
    alive = np.flatnonzero(sheet.alive)
    position, _ = strain_field(sheet.position[alive])
    seen = alive[bonds(position, RULE_A, sheet.species[alive])]
    n = len(sheet.alive)
    odd = np.setxor1d(np.sort(seen, axis=1) @ [n, 1], sheet.bonds() @ [n, 1])
    atoms = np.unique(np.concatenate([odd // n, odd % n]))
    return atoms[~sheet.rim[atoms]]


def _sublattice(position: Floats, pairs: Ints, flawless: Bools, angle: float) -> Ints:
    """0 or 1 for ideal atoms of a lattice turned by an angle, −1 for all others, (N,)."""
    side = (threefold_phase(position, pairs) * np.exp(-3j * angle)).imag
    return np.where(flawless & (np.abs(side) > 0.8), (side < 0).astype(np.int64), -1)
