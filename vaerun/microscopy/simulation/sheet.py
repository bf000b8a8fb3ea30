"""A graphene sheet as a network of atoms and faces, and the changes that a beam makes to it.

A threefold network is the dual of a triangulation: vertices are faces, triangles are atoms. So the
rings of the network follow from a triangulation of points, without the positions of atoms. Every
change updates atoms and faces:

    rotate      a bond rotates by 90° (Stone–Wales): two rings lose an atom, two gain one
    contract    two bonded atoms become one fourfold Si
    divacancy   two bonded atoms leave, and the gap closes to rings of 5, 8 and 5
    knock_out   an atom leaves and its rings merge into one hole
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from vaerun.microscopy.graphene import LARGEST_RING, MOST_BONDS, SILICON, SMALLEST_RING

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Sheet:
    """Atoms, their bonds, and the faces around them.

    Parameters
    ----------
    face_centre
        (V, 2) points whose Delaunay triangles become atoms. Points on the hull become open faces.

    Attributes
    ----------
    position
        (A, 2) positions of the atoms, in the unit of the points.
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
        self._same = np.arange(len(face_centre))  # a face that it was merged into
        self._open = np.zeros(len(face_centre), bool)
        self._open[np.unique(triangulation.convex_hull)] = True
        self._size = np.bincount(corners.ravel(), minlength=len(face_centre))

    @property
    def rim(self) -> npt.NDArray[np.bool_]:
        """Whether each atom is at the edge of the sheet, (A,)."""
        return np.array([any(self._open[v] for v in corner) for corner in self._corner])

    def bonds(self) -> Ints:
        """Pairs of bonded atoms, (B, 2), the smaller number first."""
        pairs = [(i, j) for i, others in enumerate(self.bonded) for j in others if i < j]
        return np.array(pairs, np.int64).reshape(-1, 2)

    def faces(self, atom: int) -> tuple[int, ...]:
        """The faces around an atom, each once."""
        return tuple(dict.fromkeys(self._face(v) for v in self._corner[atom]))

    def size(self, face: int) -> int:
        """Number of atoms around a face that is neither open nor a hole."""
        return int(self._size[face])

    def faces_around(self, i: int, j: int) -> tuple[int, int, int, int] | None:
        """The two faces beside a bond and the two at its ends; None unless all four are rings."""
        if not (self.alive[i] and self.alive[j]) or j not in self.bonded[i]:
            return None
        if len(self.bonded[i]) != 3 or len(self.bonded[j]) != 3:
            return None
        of_i, of_j = set(self._corner[i]), set(self._corner[j])
        sides, end_i, end_j = of_i & of_j, of_i - of_j, of_j - of_i
        if (len(sides), len(end_i), len(end_j)) != (2, 1, 1):
            return None
        u, v = sorted(sides)
        faces = (u, v, end_i.pop(), end_j.pop())
        closed = all(self._same[face] == face and not self._open[face] for face in faces)
        holes = any(self._size[face] > LARGEST_RING for face in faces)
        return faces if closed and not holes else None

    def rotate(self, i: int, j: int, *, least: int = 5, most: int = 8) -> bool:
        """Rotate a bond by 90° and return True, unless a ring got below least or above most."""
        faces = self.faces_around(i, j)
        if faces is None:
            return False
        u, v, at_i, at_j = faces
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
        """Replace two bonded atoms by one fourfold Si and return True, where rings allow it."""
        faces = self.faces_around(i, j)
        if faces is None or min(self._size[faces[0]], self._size[faces[1]]) <= SMALLEST_RING:
            return False
        u, v, at_i, at_j = faces
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
        """Remove two bonded atoms, join their neighbours and return True, where rings allow it."""
        faces = self.faces_around(i, j)
        if faces is None:
            return False
        u, v, at_i, at_j = faces
        ends = [self.bonded[i] - {j}, self.bonded[j] - {i}]
        if any(b in self.bonded[a] for a, b in ends) or ends[0] & ends[1]:
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
        """Remove an atom, and those that are left with a single bond."""
        leaving = [atom]
        while leaving:
            i = leaving.pop()
            if self.alive[i]:
                others = self.bonded[i].copy()
                self._leave(i)
                self._merge(self._corner[i])
                leaving += [j for j in others if len(self.bonded[j]) < 2]

    def ring_sizes(self) -> Ints:
        """Sizes of the rings that share each atom, (A, 4), ascending, 0 after the last.

        A ring is a closed face of 3 to 12 atoms that meets no atom twice.
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
        sizes = np.zeros((len(self.alive), MOST_BONDS), np.int64)
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

    def _across(self, atom: int, one: int, other: int) -> int | None:
        """The neighbour of an atom whose bond separates two faces."""
        for j in self.bonded[atom]:
            if one in self._corner[j] and other in self._corner[j]:
                return j
        return None

    def _swap(self, atom: int, old: int, new: int) -> None:
        """Replace the bond of an atom with ``old`` by one with ``new``."""
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
        """Merge faces into one hole, which is open if one of them is."""
        roots = list(dict.fromkeys(self._face(v) for v in faces))
        first, *others = roots
        for face in others:
            self._same[face] = first
            self._open[first] |= self._open[face]
        self._size[first] = LARGEST_RING + 1  # marks a hole: only `knock_out` changes its edge

    def _face(self, vertex: int) -> int:
        """The face that a vertex belongs to after all mergers."""
        while self._same[vertex] != vertex:
            self._same[vertex] = self._same[self._same[vertex]]
            vertex = int(self._same[vertex])
        return vertex

    def _middle_of_neighbours(self, atom: int, but: int) -> Floats:
        """A position from which an atom of a rotated bond can relax."""
        others = [self.position[j] for j in self.bonded[atom] if j != but]
        middle: Floats = 0.6 * np.mean(others, axis=0) + 0.4 * self.position[atom]
        return middle
