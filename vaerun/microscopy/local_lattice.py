"""Lattice vectors around each atom, and its strain against the mean lattice of its region."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

# N atoms of one sublattice; a lattice is a matrix with its two vectors, (row, column), as rows.

_OWN = 6  # neighbours that an atom's own lattice is fitted to
_REGION = 80  # atoms whose neighbours give the mean lattice
_FEWEST = 4  # neighbours in their places, for a strain
_WITHIN = 0.3  # of the shorter vector, from a neighbour to its place
_FARTHEST = 2  # lattice vectors to a neighbour that counts
_LEAST_SINE = 0.4  # of the angle between the two vectors
_CHUNK = 500  # atoms at once

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class LocalLattice(NamedTuple):
    """Lattice of the region of each of N atoms, and the strain of the atom; NaN where unknown.

    Attributes
    ----------
    a, b
        (N, 2) shortest lattice vectors, row and column in pixels: a points to the right, b
        counter-clockwise from it, as displayed.
    strain
        (N, 3) along rows (down), along columns (to the right), and shear, against this lattice.
    rotation
        (N,) radians, counter-clockwise as displayed.
    """

    a: Floats
    b: Floats
    strain: Floats
    rotation: Floats


def local_lattice(position: Floats, sublattice: Ints) -> LocalLattice:
    """The lattice around each atom, from the atoms (N, 2) of its sublattice (N,) alone."""
    n = len(position)
    result = LocalLattice(
        np.full((n, 2), np.nan),
        np.full((n, 2), np.nan),
        np.full((n, 3), np.nan),
        np.full(n, np.nan),
    )
    for number in np.unique(sublattice):
        rows = np.flatnonzero(sublattice == number)
        if len(rows) < _OWN + 2:
            continue
        steps, near = _neighbours(position[rows])
        for begin in range(0, len(rows), _CHUNK):
            some = np.arange(begin, min(begin + _CHUNK, len(rows)))
            part = _of_atoms(steps, near, some)
            for whole, values in zip(result, part, strict=True):
                whole[rows[some]] = values
    return result


def _neighbours(position: Floats) -> tuple[Floats, Ints]:
    """Steps (N, 6, 2) to the nearest neighbours, and the atoms (N, m) of each region."""
    most = min(_REGION, len(position) - 1)
    _, near = cKDTree(position).query(position, k=most + 1)
    return position[near[:, 1 : _OWN + 1]] - position[:, None], near


def _of_atoms(steps: Floats, near: Ints, rows: Ints) -> LocalLattice:
    region = steps[near[rows]].reshape(len(rows), -1, 2)
    mean = _fitted(region, _guess(steps[rows]))
    mean = _reduced(_fitted(region, mean))
    own = _fitted(steps[rows], mean)
    sound = np.asarray(np.isfinite(mean).all((1, 2)) & np.isfinite(own).all((1, 2)))
    identity = np.eye(2)
    safe = np.where(sound[:, None, None], mean, identity)
    # rows are vectors: own = mean · gradient of the deformation
    gradient = np.linalg.solve(safe, np.where(sound[:, None, None], own, identity))
    strain = np.stack(
        [
            gradient[:, 0, 0] - 1,
            gradient[:, 1, 1] - 1,
            (gradient[:, 0, 1] + gradient[:, 1, 0]) / 2,
        ],
        axis=1,
    )
    rotation = (gradient[:, 0, 1] - gradient[:, 1, 0]) / 2
    unknown = ~sound
    strain[unknown], rotation[unknown] = np.nan, np.nan
    return LocalLattice(mean[:, 0], mean[:, 1], strain, rotation)


def _guess(steps: Floats) -> Floats:
    """Two lattice vectors (n, 2, 2): steps to the nearest and to the next elsewhere."""
    first = steps[:, 0]
    cross = first[:, None, 0] * steps[..., 1] - first[:, None, 1] * steps[..., 0]
    length = np.linalg.norm(steps, axis=-1)
    other = np.abs(cross) > _LEAST_SINE * length * length[:, :1]
    second = steps[np.arange(len(steps)), other.argmax(1)]
    lattice = np.stack([first, second], axis=1)
    lattice[~other.any(1)] = np.nan
    return lattice


def _fitted(steps: Floats, guess: Floats) -> Floats:
    """The lattices (n, 2, 2) that best give steps (n, m, 2), near a guess; NaN if few do."""
    known = np.isfinite(guess).all((1, 2)) & (np.abs(np.linalg.det(np.nan_to_num(guess))) > 1e-6)
    safe = np.where(known[:, None, None], guess, np.eye(2))
    index = np.rint(steps @ np.linalg.inv(safe))
    away = np.linalg.norm(steps - index @ safe, axis=-1)
    shorter = np.linalg.norm(safe, axis=-1).min(1)
    counts = (away <= _WITHIN * shorter[:, None]) & (np.abs(index).max(-1) <= _FARTHEST)
    counts &= np.abs(index).max(-1) > 0
    index = index * counts[..., None]
    normal = np.swapaxes(index, 1, 2) @ index
    known &= (counts.sum(1) >= _FEWEST) & (np.abs(np.linalg.det(normal)) > 0.5)
    normal = np.where(known[:, None, None], normal, np.eye(2))
    lattice = np.linalg.solve(normal, np.swapaxes(index, 1, 2) @ steps)
    return np.where(known[:, None, None], lattice, np.nan)


def _reduced(lattice: Floats) -> Floats:
    """The shortest vectors (n, 2, 2) of lattices, a to the right, b counter-clockwise from it."""
    best = lattice.copy()
    for _ in range(4):  # Gauss' reduction
        length = np.linalg.norm(best, axis=-1)
        swap = length[:, 0] > length[:, 1]
        best[swap] = best[swap][:, ::-1]
        a, b = best[:, 0], best[:, 1]
        times = np.rint((a * b).sum(1) / np.maximum((a**2).sum(1), 1e-12))
        best[:, 1] = b - times[:, None] * a
    # of a and b the one that is more to the right comes first
    swap = np.abs(best[:, 0, 1]) < np.abs(best[:, 1, 1])
    best[swap] = best[swap][:, ::-1]
    best[best[:, 0, 1] < 0, 0] *= -1
    # rows point down, so that b is counter-clockwise from a if this is negative
    cross = best[:, 0, 1] * best[:, 1, 0] - best[:, 0, 0] * best[:, 1, 1]
    best[cross > 0, 1] *= -1
    return best
