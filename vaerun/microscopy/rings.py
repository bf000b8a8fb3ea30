"""Rings of bonded atoms, and the class of an atom by the sizes of the rings that share it.

Rings are the faces of the planar graph of bonds: a walk from bond to bond that turns left as
sharply as possible at each atom goes round one of them. The classes are those of Figure 10 of the
paper.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.bonds import rank_among_equals, table_by_row
from vaerun.microscopy.graphene import LARGEST_RING, MOST_BONDS, SMALLEST_RING
from vaerun.utils.errors import UserError, format_value, raise_all

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# N atoms, B bonds, E = 2 B half-edges (a bond as it leaves either atom), R rings, S all corners.

PAPER_CLASSES = ("few", "6-6", "5-6", "6-6-7", "6-6-6", "5-6-7", "5-6-6")


@dataclass(frozen=True, kw_only=True)
class Rings:
    """R rings of atoms.

    Attributes
    ----------
    atom
        (S,) int64 atoms of one ring after the other, each ring counter-clockwise as displayed
        (row axis down) from its lowest number.
    start
        (R + 1,) int64; ring r is ``atom[start[r] : start[r + 1]]``.
    """

    atom: Ints
    start: Ints

    @property
    def size(self) -> Ints:
        """Number of atoms of each ring, (R,)."""
        return np.diff(self.start)

    @property
    def ring(self) -> Ints:
        """Number of the ring that each entry of ``atom`` belongs to, (S,)."""
        return np.repeat(np.arange(len(self)), self.size)

    def __len__(self) -> int:
        return len(self.start) - 1


def find_rings(
    position: Floats, bonds: Ints, *, smallest: int = SMALLEST_RING, largest: int = LARGEST_RING
) -> Rings:
    """Faces of the graph of bonds that are simple polygons, in order of their lowest atoms.

    The outside of a flake is no ring, nor is a face that meets an atom twice, such as one that a
    chain of atoms reaches into. Atoms inside a ring that are not bonded to it make no difference.

    Parameters
    ----------
    position
        (N, 2) row and column.
    bonds
        (B, 2) pairs of atoms, no pair twice. Where bonds cross, rings may overlap.
    smallest, largest
        Number of atoms of a ring; the classes of the paper need 5 to 7 only.
    """
    position = np.asarray(position, np.float64)
    tail, onward = _walk(position, bonds)
    path = np.empty((len(tail), largest + 1), np.int64)  # half-edges on the way round a face
    path[:, 0] = np.arange(len(tail))
    for step in range(largest):
        path[:, step + 1] = onward[path[:, step]]
    back = path[:, 1:] == path[:, :1]
    size = np.where(back.any(axis=1), back.argmax(axis=1) + 1, 0)  # 0: above the largest
    first = path.min(axis=1) == path[:, 0]  # once a face, from its lowest half-edge
    path, size = path[first & (size >= smallest)], size[first & (size >= smallest)]
    inside = np.arange(largest) < size[:, None]
    # corners of a face, filled up with its first corner, which adds nothing to its area
    corner = tail[np.where(inside, path[:, :-1], path[:, :1])]
    ring = _simple(corner, inside) & (_area(position[corner]) > 0)  # the outside goes clockwise
    start = np.concatenate([[0], np.cumsum(size[ring])])
    return Rings(atom=corner[ring][inside[ring]], start=start)


def ring_sizes(rings: Rings, n_atoms: int) -> Ints:
    """Sizes of the rings that share each atom, (N, 4) int64 ascending, 0 after the last."""
    return table_by_row(rings.atom, rings.size[rings.ring], n_atoms, empty=0)


def restrict_sizes(ring_sizes: Ints, smallest: int, largest: int) -> Ints:
    """Ring sizes (N, 4) without those below the smallest or above the largest."""
    sizes = np.where((ring_sizes >= smallest) & (ring_sizes <= largest), ring_sizes, 99)
    sizes.sort(1)
    return np.where(sizes == 99, 0, sizes)


def _walk(position: Floats, bonds: Ints) -> tuple[Ints, Ints]:
    """The atom that each half-edge leaves, (E,), and the next half-edge round its face, (E,).

    Half-edges are numbered by that atom, then counter-clockwise; the face is on their left.
    """
    tail, head = bonds.T.ravel(), bonds[:, ::-1].T.ravel()
    down, right = (position[head] - position[tail]).T
    order = np.lexsort((np.arctan2(-down, right), tail))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    opposite = np.roll(number, len(bonds))[order]  # the same bond from its other end
    tail = tail[order]
    clockwise = np.arange(len(tail)) - 1  # the next one about the same atom
    first = rank_among_equals(tail) == 0
    clockwise[first] = np.searchsorted(tail, tail[first], side="right") - 1
    return tail, clockwise[opposite]


def _area(corner: Floats) -> Floats:
    """Area of polygons (R, C, 2), (R,); negative where the corners are clockwise."""
    row, column = np.moveaxis(corner, 2, 0)
    following = np.roll(corner, -1, axis=1)
    return (row * following[..., 1] - following[..., 0] * column).sum(axis=1) / 2


def _simple(corner: Ints, inside: Bools) -> Bools:
    """Whether polygons (R, C) repeat no atom, (R,), if only entries ``inside`` (R, C) count."""
    apart = np.where(inside, corner, -1 - np.arange(corner.shape[1]))  # the others differ from all
    return (np.diff(np.sort(apart, axis=1), axis=1) != 0).all(axis=1)


def classify(ring_sizes: Ints, names: Sequence[str]) -> Ints:
    """The class of each atom as an index into ``names``, (N,) int64; −1 for none of them.

    Parameters
    ----------
    ring_sizes
        (N, 4) as from `ring_sizes`.
    names
        ``few``: fewer than two rings; ``5-6-6`` and the like: exactly these rings, in any order;
        ``other``: all atoms of no other class. They are checked by `check_classes`.

    Examples
    --------
    >>> classify(np.array([[5, 6, 6, 0], [6, 0, 0, 0], [6, 6, 8, 0]]), PAPER_CLASSES).tolist()
    [6, 0, -1]
    """
    check_classes(names)
    classes = np.full(len(ring_sizes), -1)
    for number, name in enumerate(names):
        if name == "few":
            classes[ring_sizes[:, 1] == 0] = number
        elif name != "other":
            classes[(ring_sizes == _row(name)).all(axis=1)] = number
    if "other" in names:
        classes[classes < 0] = list(names).index("other")
    return classes


def check_classes(names: Sequence[str]) -> None:
    """Raise a `UserError` that lists the names that mean no class, or the same as one before."""
    faults: list[UserError] = []
    before: dict[object, str] = {}
    for name in names:
        what = f"data.ring_classes={format_value(name)} is"
        meaning = name if name in ("few", "other") else _row(name)
        if meaning is None:
            sizes = f"two to four ring sizes from {SMALLEST_RING} to {LARGEST_RING} such as 5-6-6"
            faults.append(UserError(f"{what} not a class", f"give few, other or {sizes}"))
        elif meaning in before:
            what = f"{what} the same class as {before[meaning]}"
            faults.append(UserError(what, "leave one of them out"))
        before.setdefault(meaning, name)
    raise_all(faults)


def _row(name: str) -> tuple[int, ...] | None:
    """The row of `ring_sizes` that a name such as 5-6-6 means; None if it means none."""
    if not re.fullmatch(r"\d{1,2}(-\d{1,2}){1,3}", name, re.ASCII):
        return None
    sizes = sorted(map(int, name.split("-")))
    if sizes[0] < SMALLEST_RING or sizes[-1] > LARGEST_RING:
        return None
    return (*sizes, *[0] * (MOST_BONDS - len(sizes)))
