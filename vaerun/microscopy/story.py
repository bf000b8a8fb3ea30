"""What is to happen in a simulated movie, and what is true of each of its frames."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Story:
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
