"""Which atoms are bonded: each to its nearest neighbours, as many as its species allows.

What bonds and rings say of an atom: whether all about it is in order, how it is turned.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from vaerun.microscopy.graphene import DOPANT, MOST_BONDS

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class BondRule:
    """Which atoms are bonded; lengths are in the unit of the positions.

    Attributes
    ----------
    longest
        Longest bond of two C atoms, between the ideal 1.42 Å and the 2.46 Å of second neighbours.
    most
        Most bonds of a C atom, 1 to 4.
    dopant_longest
        Longest bond with a dopant at one end or both; Si–C is about 1.85 Å.
    dopant_most
        Most bonds of a dopant, 1 to 4.
    """

    longest: float
    most: int = 3
    dopant_longest: float
    dopant_most: int = 4

    def __post_init__(self) -> None:
        assert min(self.longest, self.dopant_longest) > 0, self
        assert 1 <= self.most <= MOST_BONDS, self.most
        assert 1 <= self.dopant_most <= MOST_BONDS, self.dopant_most


def bonds(position: Floats, rule: BondRule, species: Ints | None = None) -> Ints:
    """Pairs of atoms that are bonded, (B, 2) int64, i < j, in ascending order.

    Two atoms are bonded where each is among the nearest that the other has bonds for. "Nearest"
    goes by distance over the longest bond of such a pair, so that a long Si–C bond is not crowded
    out by a second C neighbour that happens to be near. Bonds may cross.

    Parameters
    ----------
    position
        (N, 2) row and column, finite, in any unit.
    rule
        Lengths, in that unit, and numbers of bonds.
    species
        (N,) 0 for C and 1 for a dopant; None: all C.

    Examples
    --------
    >>> rule = BondRule(longest=1.8, dopant_longest=2.2)
    >>> bonds(np.array([[0, 0], [0, 1.42], [1.23, 2.13], [9, 9]]), rule).tolist()
    [[0, 1], [1, 2]]
    """
    position = np.asarray(position, np.float64)
    n = len(position)
    dopant = np.zeros(n, bool) if species is None else np.asarray(species) == DOPANT
    assert position.shape == (n, 2), position.shape
    assert dopant.shape == (n,), dopant.shape
    if n == 0:
        return np.empty((0, 2), np.int64)
    tail, head, stretch = _near(position, rule, dopant)
    order = np.lexsort((head, stretch, tail))  # of two equally near, the lower number first
    tail, head = tail[order], head[order]
    wanted = place_among_equals(tail) < np.where(dopant, rule.dopant_most, rule.most)[tail]
    tail, head = tail[wanted], head[wanted]
    by_both = np.intersect1d(tail * n + head, head * n + tail, assume_unique=True)
    i, j = np.divmod(by_both, n)
    return np.stack([i, j], axis=1)[i < j]


def neighbours(bonds: Ints, n_atoms: int) -> Ints:
    """Atoms that each atom is bonded to, (N, 4) int64 ascending, −1 after the last."""
    return table_by_row(bonds.T.ravel(), bonds[:, ::-1].T.ravel(), n_atoms, empty=-1)


def _near(position: Floats, rule: BondRule, dopant: Bools) -> tuple[Ints, Ints, Floats]:
    """The bonds (i, j) that each atom i may choose from, and their lengths over the longest."""
    parts = []
    for kind in (False, True):
        (group,) = np.nonzero(dopant == kind)
        if len(group):
            # To atom i, all of one species have the same longest bond: its nearest are enough.
            length, found = cKDTree(position[group]).query(position, np.arange(1, MOST_BONDS + 2))
            longest = np.where(dopant | kind, rule.dopant_longest, rule.longest)
            stretch = length / longest[:, None]
            i, rank = np.nonzero(stretch <= 1)
            parts.append((i, group[found[i, rank]], stretch[i, rank]))
    i, j, stretch = (np.concatenate(part) for part in zip(*parts, strict=True))
    return i[i != j], j[i != j], stretch[i != j]


def table_by_row(row: Ints, value: Ints, n_rows: int, empty: int) -> Ints:
    """The values of each row, (n_rows, 4), ascending, then ``empty``."""
    order = np.lexsort((value, row))
    table = np.full((n_rows, MOST_BONDS), empty)
    table[row[order], place_among_equals(row[order])] = value[order]
    return table


def place_among_equals(ascending: Ints) -> Ints:
    """For each value, how many equal ones stand before it."""
    return np.arange(len(ascending)) - np.searchsorted(ascending, ascending)


def ideal(ring_sizes: Ints) -> npt.NDArray[np.bool_]:
    """Atoms in three rings of six, (N,), of ring sizes (N, 4): the paper's class of ideal ones."""
    return np.asarray((ring_sizes == (6, 6, 6, 0)).all(1))


def within_bonds(
    there: npt.NDArray[np.bool_], neighbours: Ints, bonds: int
) -> npt.NDArray[np.bool_]:
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


RULE_A = BondRule(longest=2.0, most=3, dopant_longest=2.35, dopant_most=4)  # Å
