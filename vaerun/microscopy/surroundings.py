"""What bonds and rings say of an atom: whether all about it is in order, how it is turned."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ideal(ring_sizes: Ints) -> npt.NDArray[np.bool_]:
    """Atoms in three rings of six, (N,), of ring sizes (N, 4): the paper's class of ideal ones."""
    return np.asarray((ring_sizes == (6, 6, 6, 0)).all(1))


def near(there: npt.NDArray[np.bool_], neighbours: Ints, bonds: int) -> npt.NDArray[np.bool_]:
    """Whether something is at an atom or at most so many bonds away, (N,)."""
    n = len(there)
    row, column = np.nonzero(neighbours >= 0)
    linked = csr_array((np.ones(len(row)), (row, neighbours[row, column])), shape=(n, n))
    for _ in range(bonds):
        there = there | (linked @ there.astype(np.float64) > 0)
    return there


def threefold_phase(position: Floats, pairs: Ints) -> npt.NDArray[np.complex128]:
    """Mean of exp(3iφ) over the directions φ to each atom's neighbours, (N,).

    Directions are counter-clockwise as displayed. The argument is three times the angle by which
    the surroundings are turned, which repeat every 120°; it jumps by π between the sublattices.
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    row, column = (position[both[:, 1]] - position[both[:, 0]]).T
    turn = np.exp(3j * np.arctan2(-row, column))
    n = len(position)
    total = np.bincount(both[:, 0], turn.real, n) + 1j * np.bincount(both[:, 0], turn.imag, n)
    count = np.maximum(np.bincount(both[:, 0], minlength=n), 1)
    return np.asarray(total / count, np.complex128)


def within(ring_sizes: Ints, smallest: int, largest: int) -> Ints:
    """The sizes (N, 4) of rings that count, ascending, 0 after the last."""
    kept = np.where((ring_sizes >= smallest) & (ring_sizes <= largest), ring_sizes, 99)
    kept.sort(1)
    return np.where(kept == 99, 0, kept)
