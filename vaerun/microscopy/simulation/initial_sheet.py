"""Ring centres of a sheet before it relaxes: a lattice with a grain in it; and a strain field."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay, cKDTree

from vaerun.microscopy.graphene import CC_A
from vaerun.microscopy.simulation.sheet import Sheet

RING_TO_RING_A = np.sqrt(3) * CC_A
_SMOOTHING = 12  # smoothing steps of the seam between two grains
_SEAM_A = 4.0  # half-width of the seam
_CROWDED = 0.65  # ring distance at a seam below which a point is dropped, over that of the lattice

Floats = npt.NDArray[np.float64]


class Grain(NamedTuple):
    """A region of rotated lattice: a disc, or the half-plane beyond a line through the middle.

    Attributes
    ----------
    centre
        (2,) Å, from the middle of the field.
    radius
        Å; infinite for the half-plane in direction ``centre``.
    rotation
        Rotation against the lattice around it, radians.
    """

    centre: Floats
    radius: float
    rotation: float

    def depth(self, points: Floats) -> Floats:
        """Depth of points (V, 2) in the grain, (V,), Å; negative outside."""
        if np.isinf(self.radius):
            inward: Floats = points @ (self.centre / np.hypot(*self.centre))
            return inward
        return np.asarray(self.radius - np.hypot(*(points - self.centre).T))


def ring_centres(half: Floats, angle: float, grain: Grain | None) -> Floats:
    """Points (V, 2) of a triangular lattice, Å, within ± ``half`` (2,), with a grain in it."""
    points = _lattice(half, angle)
    if grain is None:
        return points
    inside = _lattice(half, angle + grain.rotation)
    inside = inside[grain.depth(inside) > 0]
    points = points[grain.depth(points) <= 0]
    far = cKDTree(points).query(inside)[0] > _CROWDED * RING_TO_RING_A
    points = np.concatenate([points, inside[far]])
    return _smoothed(points, np.abs(grain.depth(points)) < _SEAM_A, half)


def fix_seams(sheet: Sheet) -> None:
    """Rotate bonds while that brings ring sizes nearer to 6: seams become rings of 5 and 7."""
    changed = True
    while changed:
        changed = False
        for i, j in sheet.bonds():
            faces = sheet.faces_around(int(i), int(j))
            if faces is None:
                continue
            excess = np.array([sheet.size(face) for face in faces]) - 6
            # the change of Σ excess²: the first two rings lose an atom, the last two gain one
            if 4 + 2 * (excess[2:].sum() - excess[:2].sum()) < 0:
                changed |= sheet.rotate(int(i), int(j), least=4, most=9)


def _lattice(half: Floats, angle: float) -> Floats:
    n = int(np.ceil(np.hypot(*half) / RING_TO_RING_A * 2 / np.sqrt(3))) + 2
    i, j = np.mgrid[-n : n + 1, -n : n + 1].reshape(2, -1)
    along = RING_TO_RING_A * np.exp(1j * angle)
    points = along * (i + j * np.exp(1j * np.pi / 3))
    # counter-clockwise as displayed: the row axis points down
    position = np.stack([-points.imag, points.real], axis=1)
    return np.asarray(position[(np.abs(position) < half).all(1)])


def _smoothed(points: Floats, movable: npt.NDArray[np.bool_], half: Floats) -> Floats:
    """Points (V, 2), of which movable ones are moved towards the mean of their neighbours."""
    movable = movable & (np.abs(points) < half - RING_TO_RING_A).all(1)
    for _ in range(_SMOOTHING):
        start, other = Delaunay(points).vertex_neighbor_vertices
        count = np.diff(start)
        owner = np.repeat(np.arange(len(points)), count)
        mean = np.stack([np.bincount(owner, points[other, k]) for k in (0, 1)], 1) / count[:, None]
        points = np.where(movable[:, None], 0.5 * (points + mean), points)
    return points


class StrainField:
    """A smooth displacement: four long waves of random direction and phase.

    Parameters
    ----------
    strength
        Root mean square of the mean linear strain.
    half
        (2,) half the field, Å; the waves are about as long as the field.
    rng
        Random numbers.
    """

    def __init__(self, strength: float, half: Floats, rng: np.random.Generator) -> None:
        n_waves = 4
        length = 2 * half.mean() * rng.uniform(0.6, 1.6, n_waves)
        direction = rng.uniform(0, 2 * np.pi, n_waves)
        self.wave = (2 * np.pi / length * np.exp(1j * direction)).view(np.float64).reshape(-1, 2)
        self.phase = rng.uniform(0, 2 * np.pi, n_waves)
        self.amplitude = rng.normal(size=(n_waves, 2))
        # half the divergence of A sin(w·x + φ) has the mean square (A·w)² / 8
        power = ((self.amplitude * self.wave).sum(1) ** 2 / 8).sum()
        self.amplitude *= strength / np.sqrt(power)

    def __call__(self, position: Floats) -> tuple[Floats, Floats]:
        """Displaced positions (N, 2), Å, and the mean linear strain there, (N,)."""
        argument = position @ self.wave.T + self.phase
        moved = position + np.sin(argument) @ self.amplitude
        strain = np.cos(argument) @ (self.amplitude * self.wave).sum(1) / 2
        return moved, strain
