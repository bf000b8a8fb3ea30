"""How ordered the surroundings of peaks are, which tells a crystal from an amorphous edge.

Around two atoms of one kind the neighbours are in the same places. So an atom is ordered as far as
its neighbours are where those of an atom nearby are, too.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

_OWN, _OTHERS = 6, 14  # neighbours of an atom, and of another one that they are compared with
_COMPARED = 12  # atoms nearby that an atom is compared with
_TOP = 2  # of them that count: the most similar
_WITHIN = 0.2  # spacings between two places that are the same
_REGION = 12  # neighbours that a region is averaged over
_CHUNK = 4000  # atoms at once

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def local_order(position: Floats, spacing: float) -> Floats:
    """Order (N,) around each position (N, 2): 1 in a crystal, 0.2 by chance.

    Two thirds of it are the mean over neighbours, so that a single atom out of place, or a row of
    them along the border of two grains, is well above chance. Zero for fewer than 20 positions.

    Parameters
    ----------
    spacing
        Distance of neighbours, in the unit of the positions.
    """
    n = len(position)
    most = max(_OTHERS, _REGION, _COMPARED) + 1
    if n < most + 5:
        return np.zeros(n)
    _, near = cKDTree(position).query(position, k=most)
    steps = position[near[:, 1:]] - position[:, None]
    own = np.concatenate(
        [
            _similarity(steps, near, np.arange(i, min(i + _CHUNK, n)), spacing)
            for i in range(0, n, _CHUNK)
        ]
    )
    return np.asarray(own + 2 * own[near[:, : _REGION + 1]].mean(1)) / 3


def _similarity(steps: Floats, near: Ints, rows: Ints, spacing: float) -> Floats:
    """Share of the neighbours of some atoms (n,) that have their like at atoms nearby."""
    others = near[rows, 1 : _COMPARED + 1]
    here = steps[rows, :_OWN]
    hits = np.stack(
        [
            _share_within(here, steps[others[:, k], :_OTHERS], _WITHIN * spacing)
            for k in range(_COMPARED)
        ],
        axis=1,
    )
    return np.asarray(np.sort(hits, axis=1)[:, -_TOP:].mean(1))


def _share_within(here: Floats, there: Floats, within: float) -> Floats:
    """Share (n,) of the points (n, a, 2) that have one of the points (n, b, 2) within reach."""
    squared = ((here[:, :, None] - there[:, None]) ** 2).sum(-1)
    return np.asarray((squared.min(-1) <= within**2).mean(-1))
