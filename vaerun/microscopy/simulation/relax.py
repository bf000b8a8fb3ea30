"""Relaxation of the atoms of a sheet: springs along bonds and across angles.

In a plane a Keating potential (Keating 1966) amounts to springs: bonds have a length at rest, and
so has the distance of two neighbours of an atom, as in a regular ring. Other atoms repel each
other at short distances.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vaerun.microscopy.graphene import CC_A, SIC_A, SILICON
from vaerun.microscopy.simulation.sheet import Sheet

_ANGLE, _REPULSION = 0.25, 1.0  # stiffness relative to that of a bond
_APART_A = 2.35  # Å: unbonded atoms that are nearer repel each other
_STEP, _MOMENTUM = 0.12, 0.9
_PAIRS_EVERY = 10  # steps from one search for repelling pairs to the next

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Springs(NamedTuple):
    """Pairs of atoms (P, 2), length at rest (P,) in Å and relative stiffness (P,)."""

    pair: Ints
    rest: Floats
    stiffness: Floats


def relax(sheet: Sheet, n_steps: int) -> None:
    """Relax the positions of a sheet, in Å, by heavy-ball descent; atoms on its rim are fixed."""
    springs = _springs(sheet)
    free = sheet.alive & ~sheet.rim
    position, move = sheet.position, np.zeros_like(sheet.position)
    close = Springs(np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
    for step in range(n_steps):
        if step % _PAIRS_EVERY == 0:
            close = _too_close(sheet, springs)
        force = _force(position, springs, pulls=True) + _force(position, close, pulls=False)
        move = np.clip(_MOMENTUM * move + _STEP * force, -0.2, 0.2)
        position[free] += move[free]


def _springs(sheet: Sheet) -> Springs:
    """Springs along bonds and between the neighbours of each atom."""
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
    """Distance at rest of two neighbours a, b of atom i, as in the regular ring of all three."""
    shared = set(sheet.faces(i)) & set(sheet.faces(a)) & set(sheet.faces(b))
    if len(sheet.bonded[i]) == 4:
        angle = np.pi / 2 if shared else np.pi
    else:
        sizes = [size for face in shared if 4 <= (size := sheet.size(face)) <= 9]
        angle = np.pi - 2 * np.pi / (sizes[0] if sizes else 6)
    arm = SIC_A if sheet.species[i] == SILICON else CC_A
    return float(2 * arm * np.sin(angle / 2))


def _too_close(sheet: Sheet, springs: Springs) -> Springs:
    """Repulsion of atoms that are too close, and neither bonded nor neighbours of one atom."""
    alive = np.flatnonzero(sheet.alive)
    tree = cKDTree(sheet.position[alive])
    pairs = alive[tree.query_pairs(_APART_A, output_type="ndarray")]
    n = len(sheet.alive)
    joined = np.sort(springs.pair, axis=1) @ [n, 1]
    pairs = np.sort(pairs.reshape(-1, 2), axis=1)
    pairs = pairs[~np.isin(pairs @ [n, 1], joined)]
    return Springs(pairs, np.full(len(pairs), _APART_A), np.full(len(pairs), _REPULSION))


def _force(position: Floats, springs: Springs, *, pulls: bool) -> Floats:
    """Force on each atom, (A, 2); springs that do not pull only repel."""
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
