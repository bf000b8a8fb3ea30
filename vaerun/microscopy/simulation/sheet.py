"""A graphene sheet as a network of atoms and faces, and the changes a beam makes to it.

A threefold network is the dual of a triangulation: a face is a vertex, an atom a triangle. So a
triangulation of points gives a network whose rings are known by construction, without a look at
where the atoms lie. Every change keeps the books of both, atoms and faces:

    rotate      a bond turns by 90° (Stone–Wales): two rings lose an atom, two gain one
    contract    two bonded atoms become one fourfold Si
    divacancy   two bonded atoms leave, and what they leave closes to rings of 5, 8 and 5
    knock_out   an atom leaves and its rings open into one hole
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from vaerun.microscopy.graphene import LARGEST_RING, MOST_RINGS, SILICON, SMALLEST_RING

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Sheet:
    """Atoms, their bonds, and the faces about them.

    Parameters
    ----------
    face_centre
        (V, 2) points whose Delaunay triangles become atoms. Those on its hull become open faces.

    Attributes
    ----------
    position
        (A, 2) where the atoms lie, in the unit of the points.
    species
        (A,) `CARBON` or `SILICON`.
    alive
        (A,) False for atoms that have left.
    bonded
        For each atom the set of its neighbours.
    """

    def __init__(self, face_centre: Floats) -> None:
        triangulation = Delaunay(face_centre)
        corners = triangulation.simplices
        self.position: Floats = face_centre[corners].mean(1)
        self.species = np.zeros(len(corners), np.int64)
        self.alive = np.ones(len(corners), bool)
        self.bonded = [{int(j) for j in row if j >= 0} for row in triangulation.neighbors]
        self._corner: list[tuple[int, ...]] = [tuple(map(int, row)) for row in corners]
        self._same = np.arange(len(face_centre))  # the face that each was merged into
        self._open = np.zeros(len(face_centre), bool)
        self._open[np.unique(triangulation.convex_hull)] = True
        self._size = np.bincount(corners.ravel(), minlength=len(face_centre))

    @property
    def rim(self) -> npt.NDArray[np.bool_]:
        """(A,) atoms at the edge of the sheet."""
        return np.array([any(self._open[v] for v in corner) for corner in self._corner])

    def bonds(self) -> Ints:
        """(B, 2) pairs of atoms, the smaller number first."""
        pairs = [(i, j) for i, others in enumerate(self.bonded) for j in others if i < j]
        return np.array(pairs, np.int64).reshape(-1, 2)

    def faces(self, atom: int) -> tuple[int, ...]:
        """The faces about an atom, each named once."""
        return tuple(dict.fromkeys(self._face(v) for v in self._corner[atom]))

    def size(self, face: int) -> int:
        """Atoms about a closed and unbroken face."""
        return int(self._size[face])

    def about(self, i: int, j: int) -> tuple[int, int, int, int] | None:
        """The faces beside a bond, two, and at its ends, two; None unless all are whole rings."""
        if not (self.alive[i] and self.alive[j]) or j not in self.bonded[i]:
            return None
        if len(self.bonded[i]) != 3 or len(self.bonded[j]) != 3:
            return None
        of_i, of_j = set(self._corner[i]), set(self._corner[j])
        sides, end_i, end_j = of_i & of_j, of_i - of_j, of_j - of_i
        if (len(sides), len(end_i), len(end_j)) != (2, 1, 1):
            return None
        u, v = sorted(sides)
        found = (u, v, end_i.pop(), end_j.pop())
        whole = all(self._same[face] == face and not self._open[face] for face in found)
        return found if whole and not self._is_merged(found) else None

    def rotate(self, i: int, j: int, *, least: int = 5, most: int = 8) -> bool:
        """Turn the bond of two atoms by 90°, unless a ring would get too small or too large."""
        found = self.about(i, j)
        if found is None:
            return False
        u, v, at_i, at_j = found
        if self._size[u] <= least or self._size[v] <= least:
            return False
        if self._size[at_i] >= most or self._size[at_j] >= most:
            return False
        q = self._across(i, v, at_i)
        r = self._across(j, u, at_j)
        if q is None or r is None or q in self.bonded[j] or r in self.bonded[i] or q == r:
            return False
        self._corner[i] = (at_i, at_j, u)
        self._corner[j] = (at_i, at_j, v)
        self._swap(q, i, j)
        self._swap(r, j, i)
        for face, change in ((u, -1), (v, -1), (at_i, 1), (at_j, 1)):
            self._size[face] += change
        for atom in (i, j):
            self.position[atom] = self._middle_of_neighbours(atom, but=j if atom == i else i)
        return True

    def contract(self, i: int, j: int) -> bool:
        """Put one fourfold Si in the place of two bonded atoms."""
        found = self.about(i, j)
        if found is None or min(self._size[found[0]], self._size[found[1]]) <= SMALLEST_RING:
            return False
        u, v, at_i, at_j = found
        self._corner[i] = (at_i, u, at_j, v)
        self.position[i] = (self.position[i] + self.position[j]) / 2
        for other in self.bonded[j] - {i}:
            self._swap(other, j, i)
        self._leave(j)
        self._size[u] -= 1
        self._size[v] -= 1
        self.species[i] = SILICON
        return True

    def divacancy(self, i: int, j: int) -> bool:
        """Take two bonded atoms out; their neighbours join across the gap."""
        found = self.about(i, j)
        if found is None:
            return False
        u, v, at_i, at_j = found
        ends = [self.bonded[i] - {j}, self.bonded[j] - {i}]
        if any(self._are_linked(pair) for pair in ends) or ends[0] & ends[1]:
            return False
        for atom, pair in zip((i, j), ends, strict=True):
            self._leave(atom)
            a, b = pair
            self.bonded[a].add(b)
            self.bonded[b].add(a)
        self._size[[at_i, at_j]] -= 1
        self._merge([u, v])
        return True

    def knock_out(self, atom: int) -> None:
        """Take an atom out, and with it what is left hanging by a single bond."""
        leaving = [atom]
        while leaving:
            i = leaving.pop()
            if self.alive[i]:
                others = self.bonded[i].copy()
                self._leave(i)
                self._merge(self._corner[i])
                leaving += [j for j in others if len(self.bonded[j]) < 2]

    def ring_sizes(self) -> Ints:
        """(A, 4) sizes of the rings about each atom, ascending, 0 where there are no more.

        A ring is a closed face of 3 to 12 atoms that is nowhere pinched.
        """
        members: dict[int, int] = {}
        pinched: set[int] = set()
        faces_of: list[tuple[int, ...]] = []
        for i, alive in enumerate(self.alive):
            if not alive:
                faces_of.append(())
                continue
            all_faces = [self._face(v) for v in self._corner[i]]
            faces = tuple(dict.fromkeys(all_faces))
            faces_of.append(faces)
            for face in faces:
                members[face] = members.get(face, 0) + 1
            if len(faces) < len(self.bonded[i]):
                pinched |= {face for face in faces if all_faces.count(face) > 1}
        sizes = np.zeros((len(self.alive), MOST_RINGS), np.int64)
        for i, faces in enumerate(faces_of):
            rings = sorted(
                members[face]
                for face in faces
                if SMALLEST_RING <= members[face] <= LARGEST_RING
                and not self._open[face]
                and face not in pinched
            )
            sizes[i, : len(rings)] = rings
        return sizes

    def _is_merged(self, faces: Iterable[int]) -> bool:
        """Whether any of these faces is a hole."""
        return any(self._size[face] > LARGEST_RING for face in faces)

    def _across(self, atom: int, one: int, other: int) -> int | None:
        """The neighbour behind the bond that lies between two faces."""
        for j in self.bonded[atom]:
            if one in self._corner[j] and other in self._corner[j]:
                return j
        return None

    def _are_linked(self, pair: set[int]) -> bool:
        a, b = pair
        return b in self.bonded[a]

    def _swap(self, atom: int, old: int, new: int) -> None:
        """Bond an atom to another in place of the one it had."""
        self.bonded[atom].discard(old)
        self.bonded[old].discard(atom)
        self.bonded[atom].add(new)
        self.bonded[new].add(atom)

    def _leave(self, atom: int) -> None:
        for other in self.bonded[atom]:
            self.bonded[other].discard(atom)
        self.bonded[atom] = set()
        self.alive[atom] = False

    def _merge(self, faces: Iterable[int]) -> None:
        """Make one hole of some faces; it is open if one of them is."""
        roots = list(dict.fromkeys(self._face(v) for v in faces))
        first, *others = roots
        for face in others:
            self._same[face] = first
            self._open[first] |= self._open[face]
        self._size[first] = LARGEST_RING + 1  # no change is made at a hole's side but knocking out

    def _face(self, vertex: int) -> int:
        """The face that one was merged into, by as many steps as needed."""
        while self._same[vertex] != vertex:
            self._same[vertex] = self._same[self._same[vertex]]
            vertex = int(self._same[vertex])
        return vertex

    def _middle_of_neighbours(self, atom: int, but: int) -> Floats:
        """Where a bond that was turned may begin to relax from."""
        others = [self.position[j] for j in self.bonded[atom] if j != but]
        middle: Floats = 0.6 * np.mean(others, axis=0) + 0.4 * self.position[atom]
        return middle
