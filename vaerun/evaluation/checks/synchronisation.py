"""Angles of images from differences between pairs of them, all pairs together."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# n images, m pairs, c sets of images that pairs connect.


class Synchronised(NamedTuple):
    """Angle (n,) of each image, radians, up to one of its set; and the set (n,) of each."""

    angle: Floats
    connected: Ints

    def sets(self) -> list[Ints]:
        """The images of each set."""
        return [np.flatnonzero(self.connected == one) for one in np.unique(self.connected)]


def synchronise(n: int, i: Ints, j: Ints, difference: Floats) -> Synchronised:
    """Angles of n images such that angle j − angle i is about the difference of a pair.

    Pairs that contradict others are outvoted. The angles are the phases of the leading eigenvector
    of the Hermitian matrix of e^{i·difference}, normalised by how many pairs an image is in
    (Singer, Applied and Computational Harmonic Analysis 30 (2011) 20, arXiv 0905.3174).

    Parameters
    ----------
    i, j
        (m,) pairs.
    difference
        (m,) radians.

    Examples
    --------
    >>> synchronise(3, np.array([0, 1]), np.array([1, 2]), np.array([0.5, 0.25])).angle.round(2)
    array([-0.5 ,  0.  ,  0.25])
    """
    weight = np.zeros((n, n))
    matrix = np.zeros((n, n), complex)
    for a, b, sign in ((i, j, -1), (j, i, 1)):
        np.add.at(weight, (a, b), 1)
        np.add.at(matrix, (a, b), np.exp(sign * 1j * difference))
    _, connected = connected_components(coo_array(weight), directed=False)
    angle = np.zeros(n)
    for one in np.unique(connected):
        own = np.flatnonzero(connected == one)
        if len(own) < 2:
            continue
        root = np.sqrt(weight[own].sum(1))
        _, vectors = np.linalg.eigh(matrix[np.ix_(own, own)] / np.outer(root, root))
        phase = np.angle(vectors[:, -1])
        angle[own] = phase - phase[len(own) // 2]
    return Synchronised((angle + np.pi) % (2 * np.pi) - np.pi, connected)


def off_the_main(some: Synchronised, tolerance: float) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which images (n,) are not at the most frequent angle of their set, and by how much (n,).

    Parameters
    ----------
    tolerance
        Radians within which angles are one.
    """
    away = np.zeros(len(some.angle))
    for own in some.sets():
        between = _wrapped(some.angle[own][:, None] - some.angle[own])
        main = (np.abs(between) < tolerance).sum(0).argmax()
        away[own] = between[:, main]
    return np.abs(away) >= tolerance, away


def _wrapped(angle: Floats) -> Floats:
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)
