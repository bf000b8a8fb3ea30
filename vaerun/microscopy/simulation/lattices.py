"""Frames of 2-D lattices as a microscope shows them, and where their atoms truly are.

Four crystals: a square and a hexagonal lattice of one kind of column; a perovskite, whose inner
columns are off centre (polar); and a dichalcogenide, of whose lighter columns some lack an atom.
Thickness varies across a frame and with it the brightness; scan lines jitter; electrons are few.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from vaerun.microscopy.gaussian_fit import draw_gaussians
from vaerun.microscopy.simulation.stem_imaging import jitter_lines

# M columns of atoms in a frame of H × W pixels.

_SD = 0.2  # of a column, in distances of nearest columns
_MARGIN = 3.0  # distances of nearest columns that a lattice extends beyond its frame
_OVERLAP = 0.8  # distances between columns of two grains, at least
_POLAR_WAVES = 1.0  # that the polarisation swings through across a frame

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Crystal(NamedTuple):
    """A 2-D crystal.

    Attributes
    ----------
    cell
        (2, 2) lattice vectors as rows, in distances of nearest columns.
    basis
        (K, 2) columns of a cell, in the same unit.
    brightness
        (K,) of the columns.
    symmetry
        Order of the rotation that turns every column's surroundings into themselves.
    """

    cell: Floats
    basis: Floats
    brightness: Floats
    symmetry: int


_HEXAGONAL = np.array([[0.0, 1.0], [3**0.5 / 2, 0.5]])
CRYSTALS = {
    "square": Crystal(np.eye(2), np.zeros((1, 2)), np.ones(1), 4),
    "hexagonal": Crystal(_HEXAGONAL, np.zeros((1, 2)), np.ones(1), 6),
    "perovskite": Crystal(
        2**0.5 * np.eye(2), np.array([[0, 0], [0.5, 0.5]]) * 2**0.5, np.array([1.0, 0.55]), 4
    ),
    "dichalcogenide": Crystal(
        3**0.5 * _HEXAGONAL, np.array([[0, 0], [0.5, 3**0.5 / 2]]), np.array([1.0, 0.5]), 3
    ),
}


@dataclass(frozen=True, kw_only=True)
class LatticeScene:
    """What a frame shows, and how it was taken.

    Attributes
    ----------
    crystal
        A key of `CRYSTALS`.
    spacing_px
        Distance of nearest columns, pixels.
    shape
        (H, W), pixels.
    grains
        Grains of different orientation, side by side.
    polar
        Largest displacement of the inner columns of a perovskite, in distances of nearest columns.
    vacancies
        Share of the lighter columns of a dichalcogenide that lack one of their two atoms.
    thickness
        Brightness at the thick side of the frame over that at the thin side.
    dose
        Electrons at the peak of the brightest kind of column where the crystal is thin.
    background
        Between the columns, over the height of the brightest kind.
    tilt
        Change of the background across the frame, over the height of the brightest kind.
    jitter_px
        Sd of the shift of scan lines along themselves, pixels.
    vacuum
        Share of the frame's width that is vacuum, behind an amorphous edge a third as wide.
    """

    crystal: str = "square"
    spacing_px: float = 12.0
    shape: tuple[int, int] = (512, 512)
    grains: int = 1
    polar: float = 0.15
    vacancies: float = 0.05
    thickness: float = 3.0
    dose: float = 100.0
    background: float = 0.3
    tilt: float = 0.3
    jitter_px: float = 0.2
    vacuum: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LatticeTruth:
    """The M columns in a frame.

    Attributes
    ----------
    position
        (M, 2) row and column, pixels.
    sublattice
        (M,) kind of column, 0 the brightest.
    brightness
        (M,) thickness of the crystal there, 1 where it is thinnest.
    grain
        (M,) number of the grain in its frame, from 0.
    angle
        (M,) rotation of the grain, radians counter-clockwise as displayed.
    polar
        (M,) displacement of the inner columns there, in distances of nearest columns, NaN unless
        the crystal is a perovskite; along the second lattice vector, of either sign.
    vacancy
        (M,) 1 if the column lacks an atom, else 0; NaN where none can be missing.
    """

    position: Floats
    sublattice: Ints
    brightness: Floats
    grain: Ints
    angle: Floats
    polar: Floats
    vacancy: Floats

    def __len__(self) -> int:
        return len(self.position)

    @property
    def polar_size(self) -> Floats:
        """(M,) size of the displacement, without its sign."""
        return np.abs(self.polar)

    def select(self, index: npt.NDArray[np.generic]) -> "LatticeTruth":
        """The columns at these positions (m,), or where a mask (M,) is True."""
        return LatticeTruth(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


class LatticeFrame(NamedTuple):
    """Counts (H, W) float32, and the columns whose centres are in the frame."""

    image: npt.NDArray[np.float32]
    truth: LatticeTruth


def simulate_lattice(scene: LatticeScene, rng: np.random.Generator) -> LatticeFrame:
    """A frame of a scene; all random numbers are drawn from ``rng``."""
    truth, height = _columns(scene, rng)
    gradient = _across(scene.shape, rng)
    thick = 1 + (scene.thickness - 1) * gradient
    crystal, edge = _ends(scene, rng)
    rows, columns = np.clip(np.rint(truth.position), 0, np.array(scene.shape) - 1).astype(int).T
    there = crystal[rows, columns]
    truth, height = truth.select(there), height[there]
    brightness = thick[rows[there], columns[there]]
    sd = np.full(len(height), _SD * scene.spacing_px)
    signal = draw_gaussians(scene.shape, truth.position, height * brightness, sd)
    soft = gaussian_filter(crystal.astype(np.float64), scene.spacing_px / 2)
    signal += (scene.background * thick + scene.tilt * _across(scene.shape, rng)) * soft + edge
    signal = jitter_lines(signal + 0.02, scene.jitter_px, rng)
    image = rng.poisson(scene.dose * np.maximum(signal, 0)).astype(np.float32)
    inside = ((truth.position >= -0.5) & (truth.position < np.array(scene.shape) - 0.5)).all(1)
    complete = LatticeTruth(
        **{f.name: getattr(truth, f.name) for f in fields(truth)} | {"brightness": brightness}
    )
    return LatticeFrame(image, complete.select(np.asarray(inside)))


def _across(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """A plane (H, W) that rises from 0 to 1 in a random direction."""
    direction = rng.uniform(0, 2 * np.pi)
    rows, columns = (np.linspace(-1, 1, side) for side in shape)
    plane = np.sin(direction) * rows[:, None] + np.cos(direction) * columns
    return np.asarray((plane - plane.min()) / np.ptp(plane))


def _ends(scene: LatticeScene, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Where the crystal is, (H, W), and the brightness (H, W) of its amorphous edge."""
    height, width = scene.shape
    if not scene.vacuum:
        return np.ones(scene.shape, bool), np.zeros(scene.shape)
    wave = gaussian_filter(rng.normal(size=height), 4 * scene.spacing_px, mode="wrap")
    wave = (wave - wave.mean()) * 0.03 * width / max(float(wave.std()), 1e-9)
    from_edge = np.arange(width) - (scene.vacuum * width + wave)[:, None]
    strip = scene.vacuum * width / 3
    texture = gaussian_filter(rng.normal(size=scene.shape), 0.3 * scene.spacing_px)
    texture = np.maximum(0.6 + 0.4 * texture / texture.std(), 0)
    amorphous = (from_edge > 0) & (from_edge <= strip)
    soft = gaussian_filter(amorphous.astype(np.float64), scene.spacing_px / 3)
    return from_edge > strip, soft * texture


def _columns(scene: LatticeScene, rng: np.random.Generator) -> tuple[LatticeTruth, Floats]:
    """All columns of all grains, and their heights (M,) where the crystal is thin."""
    crystal = CRYSTALS[scene.crystal]
    angles = rng.uniform(-np.pi, np.pi) / crystal.symmetry + np.cumsum(
        rng.uniform(0.25, 0.75, scene.grains) * 2 * np.pi / crystal.symmetry
    )
    parts = [
        _grain(scene, crystal, number, float(angle), rng) for number, angle in enumerate(angles)
    ]
    side = np.array(scene.shape)
    down = rng.uniform(0.3, 0.7, scene.grains)
    right = (np.arange(scene.grains) + 0.5) / scene.grains
    seeds = np.stack([down, right], axis=1) * side
    truths, heights = [], []
    for number, (truth, height) in enumerate(parts):
        away = np.linalg.norm(truth.position[:, None] - seeds, axis=-1)
        own, others = away[:, number], np.delete(away, number, axis=1)
        # a column near the border of two grains belongs to neither
        room = _OVERLAP / 2 * scene.spacing_px
        kept = (own + room < others.min(1)) if scene.grains > 1 else np.ones(len(truth), bool)
        truths.append(truth.select(kept))
        heights.append(height[kept])
    columns = {
        f.name: np.concatenate([getattr(t, f.name) for t in truths]) for f in fields(LatticeTruth)
    }
    return LatticeTruth(**columns), np.concatenate(heights)


def _grain(
    scene: LatticeScene, crystal: Crystal, number: int, angle: float, rng: np.random.Generator
) -> tuple[LatticeTruth, Floats]:
    """The columns of one grain that covers the frame, and their heights."""
    # twice the radius of the frame, since a cell may be a rhombus
    reach = int(np.hypot(*scene.shape) / scene.spacing_px + 2 * _MARGIN) + 1
    cells = np.moveaxis(np.mgrid[-reach : reach + 1, -reach : reach + 1], 0, -1).reshape(-1, 2)
    offset = rng.uniform(0, 1, 2)
    place = ((cells + offset) @ crystal.cell)[:, None] + crystal.basis  # (cells, K, 2)
    kind = np.broadcast_to(np.arange(len(crystal.basis)), place.shape[:2]).ravel()
    place = place.reshape(-1, 2)
    polar = np.full(len(place), np.nan)
    vacancy = np.full(len(place), np.nan)
    height = crystal.brightness[kind]
    if scene.crystal == "perovskite":
        length = max(scene.shape) / scene.spacing_px
        phase = rng.uniform(0, 2 * np.pi)
        polar = scene.polar * np.sin(2 * np.pi * _POLAR_WAVES * place[:, 1] / length + phase)
        place = place + np.outer(np.where(kind == 1, polar, 0.0), [0.0, 1.0])
    if scene.crystal == "dichalcogenide":
        lacking = rng.uniform(size=len(place)) < scene.vacancies
        vacancy = np.where(kind == 1, lacking, np.nan)
        height = np.where((kind == 1) & lacking, height / 2, height)
    cos, sin = np.cos(angle), np.sin(angle)
    # rows point down: counter-clockwise as displayed
    turned = place @ np.array([[cos, sin], [-sin, cos]])
    position = turned * scene.spacing_px + (np.array(scene.shape) - 1) / 2
    margin = _MARGIN * scene.spacing_px
    near = ((position > -margin) & (position < np.array(scene.shape) + margin)).all(1)
    truth = LatticeTruth(
        position=position,
        sublattice=kind.astype(np.int64),
        brightness=np.ones(len(place)),
        grain=np.full(len(place), number),
        angle=np.full(len(place), angle),
        polar=polar,
        vacancy=vacancy,
    )
    return truth.select(np.asarray(near)), height[near]
