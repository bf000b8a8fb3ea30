"""At how many angles a patch of a lattice looks the same, from the angles that were encoded."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

# N patches, of frames and kinds; P pairs of neighbours of one kind.

ORDERS = (1, 2, 3, 4, 6)  # of rotations that a lattice can have
NEAREST = 4  # neighbours that a patch is compared with
AGREES = 0.75  # of the best agreement of any order, from which a lower order is as good
CLEAR = 0.5  # agreement, below which angles say nothing of a symmetry
FEWEST = 30  # pairs

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


def angle_symmetry(angle: Floats, frame: Ints, centre: Floats, kind: Ints) -> int:
    """Order of the rotation after which patches look the same to the model: 1, 2, 3, 4 or 6.

    Parameters
    ----------
    angle
        (N,) radians.
    frame, centre
        (N,) number of the frame, (N, 2) row and column.
    kind
        (N,) sublattice; only patches of one kind are compared.

    Notes
    -----
    Neighbours of one kind in one grain look alike, so that their angles differ by multiples of
    360°/s only. The mean of cos(mΔ) over such differences Δ is near 1 if m is a multiple of s:
    the least such m is returned.
    """
    difference = _differences(angle, frame, centre, kind)
    if len(difference) < FEWEST:
        return 1
    agreement = np.array([np.cos(m * difference).mean() for m in ORDERS])
    if agreement.max() < CLEAR:
        return 1
    return ORDERS[int(np.argmax(agreement >= AGREES * agreement.max()))]


def _differences(angle: Floats, frame: Ints, centre: Floats, kind: Ints) -> Floats:
    """Differences (P,) of the angles of neighbours of one kind in one frame."""
    parts = [np.zeros(0)]
    for number in np.unique(frame):
        for one in np.unique(kind[frame == number]):
            rows = np.flatnonzero((frame == number) & (kind == one))
            if len(rows) <= NEAREST:
                continue
            _, near = cKDTree(centre[rows]).query(centre[rows], k=NEAREST + 1)
            parts.append((angle[rows[near[:, 1:]]] - angle[rows][:, None]).ravel())
    return np.concatenate(parts)
