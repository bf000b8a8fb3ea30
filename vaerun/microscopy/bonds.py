"""Bonds between nearest neighbours, and the orientation and disorder around an atom."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from vaerun.microscopy.graphene import MOST_BONDS, SILICON

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class BondRule:
    """Longest bonds, in the unit of the positions, and most bonds of an atom, 1 to 4.

    Attributes
    ----------
    longest
        Longest C–C bond, between the ideal 1.42 Å and the 2.46 Å of second neighbours.
    most
        Most bonds of a C atom.
    silicon_longest
        Longest bond with Si at one end or both; Si–C is about 1.85 Å.
    silicon_most
        Most bonds of a Si atom.
    """

    longest: float
    most: int = 3
    silicon_longest: float
    silicon_most: int = 4

    def __post_init__(self) -> None:
        assert min(self.longest, self.silicon_longest) > 0, self
        assert 1 <= self.most <= MOST_BONDS, self.most
        assert 1 <= self.silicon_most <= MOST_BONDS, self.silicon_most


RULE_A = BondRule(longest=2.0, silicon_longest=2.35)  # Å


def find_bonds(position: Floats, rule: BondRule, species: Ints | None = None) -> Ints:
    """Pairs of atoms that are bonded, (B, 2) int64, i < j, in ascending order.

    Two atoms are bonded if each is among the nearest neighbours of the other, as many as that one
    may have bonds. Distances count relative to the longest bond of such a pair, so that a second
    C neighbour that happens to be near does not displace a long Si–C bond. Bonds may cross.

    Parameters
    ----------
    position
        (N, 2) row and column, finite, in any unit.
    rule
        Lengths in the same unit.
    species
        (N,) `CARBON` or `SILICON`; None: all C.

    Examples
    --------
    >>> rule = BondRule(longest=1.8, silicon_longest=2.2)
    >>> find_bonds(np.array([[0, 0], [0, 1.42], [1.23, 2.13], [9, 9]]), rule).tolist()
    [[0, 1], [1, 2]]
    """
    position = np.asarray(position, np.float64)
    n = len(position)
    silicon = np.zeros(n, bool) if species is None else np.asarray(species) == SILICON
    assert position.shape == (n, 2), position.shape
    assert silicon.shape == (n,), silicon.shape
    if n == 0:
        return np.empty((0, 2), np.int64)
    tail, head, stretch = _candidates(position, rule, silicon)
    order = np.lexsort((head, stretch, tail))  # of two equally near, the lower number
    tail, head = tail[order], head[order]
    chosen = rank_among_equals(tail) < np.where(silicon, rule.silicon_most, rule.most)[tail]
    tail, head = tail[chosen], head[chosen]
    by_both = np.intersect1d(tail * n + head, head * n + tail, assume_unique=True)
    i, j = np.divmod(by_both, n)
    return np.stack([i, j], axis=1)[i < j]


def neighbours(bonds: Ints, n_atoms: int) -> Ints:
    """Numbers of the atoms bonded to each atom, (N, 4) int64 ascending, −1 after the last."""
    return table_by_row(bonds.T.ravel(), bonds[:, ::-1].T.ravel(), n_atoms, empty=-1)


def _candidates(position: Floats, rule: BondRule, silicon: Bools) -> tuple[Ints, Ints, Floats]:
    """Possible bonds (i, j) of each atom i, and their length over the longest allowed."""
    parts = []
    for kind in (False, True):
        (group,) = np.nonzero(silicon == kind)
        if len(group):
            # one species, one longest bond from atom i: its nearest are enough
            tree, ranks = cKDTree(position[group]), np.arange(1, MOST_BONDS + 2)
            length, near = tree.query(position, ranks)
            longest = np.where(silicon | kind, rule.silicon_longest, rule.longest)
            stretch = length / longest[:, None]
            i, rank = np.nonzero(stretch <= 1)
            parts.append((i, group[near[i, rank]], stretch[i, rank]))
    i, j, stretch = (np.concatenate(part) for part in zip(*parts, strict=True))
    return i[i != j], j[i != j], stretch[i != j]


def table_by_row(row: Ints, value: Ints, n_rows: int, empty: int) -> Ints:
    """The values that belong to each row, (n_rows, 4), ascending and filled up with ``empty``."""
    order = np.lexsort((value, row))
    table = np.full((n_rows, MOST_BONDS), empty)
    table[row[order], rank_among_equals(row[order])] = value[order]
    return table


def rank_among_equals(ascending: Ints) -> Ints:
    """The number of equal values before each value of an ascending array."""
    return np.arange(len(ascending)) - np.searchsorted(ascending, ascending)


def ideal(ring_sizes: Ints) -> Bools:
    """Whether an atom is shared by exactly three rings of six, (N,), from ring sizes (N, 4)."""
    return np.asarray((ring_sizes == (6, 6, 6, 0)).all(1))


def within_bonds(there: Bools, neighbours: Ints, bonds: int) -> Bools:
    """Whether an atom is among ``there`` (N,), or at most ``bonds`` bonds away from one, (N,)."""
    n = len(there)
    row, column = np.nonzero(neighbours >= 0)
    linked = csr_array((np.ones(len(row)), (row, neighbours[row, column])), shape=(n, n))
    for _ in range(bonds):
        there = there | (linked @ there.astype(np.float64) > 0)
    return there


def threefold_phase(position: Floats, pairs: Ints) -> npt.NDArray[np.complex128]:
    """Mean of exp(3iφ) over the directions φ from each atom to its neighbours, (N,).

    Directions are counter-clockwise as displayed. The argument is three times the rotation of the
    surroundings, which repeat every 120°; it differs by π between the two sublattices.
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    row, column = (position[both[:, 1]] - position[both[:, 0]]).T
    turn = np.exp(3j * np.arctan2(-row, column))
    n = len(position)
    total = np.bincount(both[:, 0], turn.real, n) + 1j * np.bincount(both[:, 0], turn.imag, n)
    count = np.maximum(np.bincount(both[:, 0], minlength=n), 1)
    return np.asarray(total / count, np.complex128)
