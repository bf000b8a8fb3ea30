"""Bonds between atoms, the rings they close, and the class of an atom by the rings around it.

Atoms are joined to their nearest neighbours; rings are the faces of that planar graph, found by
walking from bond to bond and turning as sharply left as possible at each atom. The classes are
those of the paper (its Figure 10: the sizes of the rings that hold the central atom).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vaerun.errors import UserError
from vaerun.faults import raise_all, show

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# N atoms, B bonds, E = 2 B half-edges (a bond as it leaves either atom), R rings, S all corners.

PAPER_CLASSES = ("few", "6-6", "5-6", "6-6-7", "6-6-6", "5-6-7", "5-6-6")
SMALLEST, LARGEST = 3, 12  # atoms in a ring
MOST_BONDS = 4  # of any atom, and so the most rings that hold it
DOPANT = 1  # the species of a dopant, such as Si; 0 is C


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


@dataclass(frozen=True, kw_only=True)
class Rings:
    """Rings of atoms, one after the other.

    Attributes
    ----------
    atom
        (S,) int64 atoms of all rings; each ring goes counter-clockwise as displayed (row axis
        down) from its lowest number.
    start
        (R + 1,) int64; ring r is ``atom[start[r] : start[r + 1]]``.
    """

    atom: Ints
    start: Ints

    @property
    def size(self) -> Ints:
        """Atoms in each ring, (R,)."""
        return np.diff(self.start)

    @property
    def ring(self) -> Ints:
        """The ring that each entry of ``atom`` belongs to, (S,)."""
        return np.repeat(np.arange(len(self)), self.size)

    def centre(self, position: Floats) -> Floats:
        """Mean position of the atoms of each ring, (R, 2), from (N, 2) positions."""
        corner = np.asarray(position, np.float64)[self.atom]
        total = [np.bincount(self.ring, axis, minlength=len(self)) for axis in corner.T]
        return np.stack(total, axis=1) / self.size[:, None]

    def __len__(self) -> int:
        return len(self.start) - 1


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
    wanted = _place(tail) < np.where(dopant, rule.dopant_most, rule.most)[tail]
    tail, head = tail[wanted], head[wanted]
    by_both = np.intersect1d(tail * n + head, head * n + tail, assume_unique=True)
    i, j = np.divmod(by_both, n)
    return np.stack([i, j], axis=1)[i < j]


def find_rings(
    position: Floats, bonds: Ints, *, smallest: int = SMALLEST, largest: int = LARGEST
) -> Rings:
    """Faces of the planar graph that are simple polygons, in order of their lowest atoms.

    The outside of a flake is no ring; neither is a face that meets an atom twice, such as one
    that a chain of atoms reaches into. What lies loose inside a ring does no harm to it.

    Parameters
    ----------
    position
        (N, 2) row and column.
    bonds
        (B, 2) pairs of atoms, no pair twice. Where bonds cross, rings are still simple polygons,
        but they may overlap.
    smallest, largest
        Atoms in a ring. The paper knows rings of 5 to 7 alone.
    """
    position = np.asarray(position, np.float64)
    tail, onward = _walk(position, bonds)
    path = np.empty((len(tail), largest + 1), np.int64)  # half-edges met on the way round a face
    path[:, 0] = np.arange(len(tail))
    for step in range(largest):
        path[:, step + 1] = onward[path[:, step]]
    back = path[:, 1:] == path[:, :1]
    size = np.where(back.any(axis=1), back.argmax(axis=1) + 1, 0)  # 0: above the largest
    first = path.min(axis=1) == path[:, 0]  # each face counts once, from its lowest half-edge
    path, size = path[first & (size >= smallest)], size[first & (size >= smallest)]
    inside = np.arange(largest) < size[:, None]
    # The corners of a face, then the first of them over and over, which adds nothing to its area.
    corner = tail[np.where(inside, path[:, :-1], path[:, :1])]
    ring = _simple(corner, inside) & (_area(position[corner]) > 0)  # the outside goes clockwise
    start = np.concatenate([[0], np.cumsum(size[ring])])
    return Rings(atom=corner[ring][inside[ring]], start=start)


def ring_sizes(rings: Rings, n_atoms: int) -> Ints:
    """Sizes of the rings that hold each atom, (N, 4) int64 ascending, 0 after the last."""
    return _table(rings.atom, rings.size[rings.ring], n_atoms, empty=0)


def neighbours(bonds: Ints, n_atoms: int) -> Ints:
    """Atoms that each atom is bonded to, (N, 4) int64 ascending, −1 after the last."""
    return _table(bonds.T.ravel(), bonds[:, ::-1].T.ravel(), n_atoms, empty=-1)


def classify(ring_sizes: Ints, names: Sequence[str]) -> Ints:
    """The class of each atom by its place in ``names``, (N,) int64, −1 for none of them.

    Parameters
    ----------
    ring_sizes
        (N, 4) as from `ring_sizes`.
    names
        ``few``: fewer than two rings; ``5-6-6`` and the like: exactly these rings, in any order;
        ``other``: whatever no other name covers. A `UserError` as `check_classes` raises it.

    Examples
    --------
    >>> classify(np.array([[5, 6, 6, 0], [6, 0, 0, 0], [6, 6, 8, 0]]), PAPER_CLASSES).tolist()
    [6, 0, -1]
    """
    check_classes(names)
    found = np.full(len(ring_sizes), -1)
    for number, name in enumerate(names):
        if name == "few":
            found[ring_sizes[:, 1] == 0] = number
        elif name != "other":
            found[(ring_sizes == _row(name)).all(axis=1)] = number
    if "other" in names:
        found[found < 0] = list(names).index("other")
    return found


def check_classes(names: Sequence[str]) -> None:
    """Raise a `UserError` that lists the names of no class, or of one that was named before."""
    faults: list[UserError] = []
    before: dict[object, str] = {}
    for name in names:
        what = f"data.ring_classes={show(name)} is"
        meaning = name if name in ("few", "other") else _row(name)
        if meaning is None:
            sizes = f"two to four ring sizes from {SMALLEST} to {LARGEST} such as 5-6-6"
            faults.append(UserError(f"{what} not a class", f"give few, other or {sizes}"))
        elif meaning in before:
            what = f"{what} the same class as {before[meaning]}"
            faults.append(UserError(what, "leave one of them out"))
        before.setdefault(meaning, name)
    raise_all(faults)


def _row(name: str) -> tuple[int, ...] | None:
    """The row of `ring_sizes` that a name such as 5-6-6 stands for, if it does."""
    if not re.fullmatch(r"\d{1,2}(-\d{1,2}){1,3}", name, re.ASCII):
        return None
    sizes = sorted(map(int, name.split("-")))
    if sizes[0] < SMALLEST or sizes[-1] > LARGEST:
        return None
    return (*sizes, *[0] * (MOST_BONDS - len(sizes)))


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


def _walk(position: Floats, bonds: Ints) -> tuple[Ints, Ints]:
    """The atom that each half-edge leaves, (E,), and the half-edge that follows it, (E,).

    They are numbered by that atom, then counter-clockwise, and followed with the face on the left.
    """
    tail, head = bonds.T.ravel(), bonds[:, ::-1].T.ravel()
    down, right = (position[head] - position[tail]).T
    order = np.lexsort((np.arctan2(-down, right), tail))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    opposite = np.roll(number, len(bonds))[order]  # the same bond from its other end
    tail = tail[order]
    clockwise = np.arange(len(tail)) - 1  # the next one about the same atom
    first = _place(tail) == 0
    clockwise[first] = np.searchsorted(tail, tail[first], side="right") - 1
    return tail, clockwise[opposite]


def _area(corner: Floats) -> Floats:
    """Area of each polygon, (R,), from (R, C, 2) corners; negative if they go clockwise."""
    row, column = np.moveaxis(corner, 2, 0)
    following = np.roll(corner, -1, axis=1)
    return (row * following[..., 1] - following[..., 0] * column).sum(axis=1) / 2


def _simple(corner: Ints, inside: Bools) -> Bools:
    """Whether each polygon, (R, C) atoms of which some count, meets no atom twice, (R,)."""
    apart = np.where(inside, corner, -1 - np.arange(corner.shape[1]))  # the others all differ
    return (np.diff(np.sort(apart, axis=1), axis=1) != 0).all(axis=1)


def _table(row: Ints, value: Ints, n_rows: int, empty: int) -> Ints:
    """The values of each row, (n_rows, 4), ascending, then ``empty``."""
    order = np.lexsort((value, row))
    table = np.full((n_rows, MOST_BONDS), empty)
    table[row[order], _place(row[order])] = value[order]
    return table


def _place(ascending: Ints) -> Ints:
    """For each value, how many equal ones stand before it."""
    return np.arange(len(ascending)) - np.searchsorted(ascending, ascending)
