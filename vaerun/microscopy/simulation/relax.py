"""Where the atoms of a sheet come to rest: springs along bonds and across angles.

In a plane this is what a Keating potential comes to (Keating 1966): bonds want their length, and
two neighbours of an atom the distance that they have in a regular ring. Atoms that the network
keeps apart repel each other.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vaerun.microscopy.graphene import CC_A, SIC_A, SILICON
from vaerun.microscopy.simulation.sheet import Sheet

_ANGLE, _REPULSION = 0.25, 1.0  # stiffness over that of a bond
_APART_A = 2.35  # unbonded atoms stay this far apart, in Å
_STEP, _DRAG = 0.12, 0.9
_PAIRS_EVERY = 10  # steps for which the list of atoms too close holds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Springs(NamedTuple):
    """Pairs of atoms (P, 2), their length at rest (P,) and stiffness (P,)."""

    pair: Ints
    rest: Floats
    stiffness: Floats


def relax(sheet: Sheet, n_steps: int) -> None:
    """Let the atoms of a sheet come to rest, those on its rim held; positions in Å.

    Heavy-ball descent: every atom moves by its force and by what is left of its last move.
    """
    springs = _springs(sheet)
    free = sheet.alive & ~sheet.rim
    position, move = sheet.position, np.zeros_like(sheet.position)
    close = Springs(np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
    for step in range(n_steps):
        if step % _PAIRS_EVERY == 0:
            close = _too_close(sheet, springs)
        force = _force(position, springs, pulls=True) + _force(position, close, pulls=False)
        move = np.clip(_DRAG * move + _STEP * force, -0.2, 0.2)
        position[free] += move[free]


def _springs(sheet: Sheet) -> Springs:
    """Bonds, and the pairs of neighbours of each atom."""
    bonds = sheet.bonds()
    with_si = (sheet.species[bonds] == SILICON).any(1)
    angles, rest = [], []
    for i, others in enumerate(sheet.bonded):
        neighbours = sorted(others)
        for n, a in enumerate(neighbours):
            for b in neighbours[n + 1 :]:
                if b not in sheet.bonded[a]:
                    angles.append((a, b))
                    rest.append(_across(sheet, i, a, b))
    pair = np.concatenate([bonds, np.array(angles, np.int64).reshape(-1, 2)])
    length = np.concatenate([np.where(with_si, SIC_A, CC_A), rest])
    stiffness = np.concatenate([np.ones(len(bonds)), np.full(len(angles), _ANGLE)])
    return Springs(pair, length, stiffness)


def _across(sheet: Sheet, i: int, a: int, b: int) -> float:
    """Distance at rest of two neighbours of atom i: as in the regular ring of all three."""
    shared = set(sheet.faces(i)) & set(sheet.faces(a)) & set(sheet.faces(b))
    if len(sheet.bonded[i]) == 4:
        angle = np.pi / 2 if shared else np.pi
    else:
        sizes = [size for face in shared if 4 <= (size := sheet.size(face)) <= 9]
        angle = np.pi - 2 * np.pi / (sizes[0] if sizes else 6)
    arm = SIC_A if sheet.species[i] == SILICON else CC_A
    return float(2 * arm * np.sin(angle / 2))


def _too_close(sheet: Sheet, springs: Springs) -> Springs:
    """Pairs of atoms that are neither bonded nor neighbours of one atom, and too close."""
    alive = np.flatnonzero(sheet.alive)
    tree = cKDTree(sheet.position[alive])
    pairs = alive[tree.query_pairs(_APART_A, output_type="ndarray")]
    n = len(sheet.alive)
    known = np.sort(springs.pair, axis=1) @ [n, 1]
    pairs = np.sort(pairs.reshape(-1, 2), axis=1)
    pairs = pairs[~np.isin(pairs @ [n, 1], known)]
    return Springs(pairs, np.full(len(pairs), _APART_A), np.full(len(pairs), _REPULSION))


def _force(position: Floats, springs: Springs, *, pulls: bool) -> Floats:
    """Force on each atom (A, 2)."""
    a, b = springs.pair.T
    between = position[b] - position[a]
    length = np.maximum(np.hypot(*between.T), 1e-9)
    stretch = length - springs.rest
    if not pulls:
        stretch = np.minimum(stretch, 0)
    force = between * (springs.stiffness * stretch / length)[:, None]
    n = len(position)
    return np.stack(
        [
            np.bincount(a, force[:, k], minlength=n) - np.bincount(b, force[:, k], minlength=n)
            for k in (0, 1)
        ],
        axis=1,
    )
