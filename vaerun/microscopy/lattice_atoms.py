"""The table of the atoms of all frames of any crystal, as `atoms.h5` holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vaerun.microscopy.local_lattice import local_lattice
from vaerun.microscopy.peaks import Peaks
from vaerun.microscopy.sublattices import sublattices
from vaerun.microscopy.tracks import follow, nearest_spacing

MOST_NEIGHBOURS = 8
NEIGHBOUR_REACH = 1.25  # of the spacing, to the farthest neighbour

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LatticeAtoms:
    """N atoms of several frames, frame by frame; `atoms.h5` has data sets of the same names.

    Attributes
    ----------
    frame
        (N,) number of the frame.
    position
        (N, 2) row and column, pixels of the frame.
    species
        (N,) sublattice, 0 the brightest; see `sublattices`.
    intensity, background, sigma, ellipticity
        (N,) of a Gaussian fitted to the atom, see `Peaks`; NaN but for the intensity if none fits.
    confidence
        (N,) how ordered its surroundings are, see `local_order`.
    neighbours
        (N, 8) rows of this table that hold the nearest atoms, nearest first, −1 after the last.
    lattice_a, lattice_b
        (N, 2) shortest vectors of the lattice around the atom, row and column in pixels.
    strain
        (N, 3) along rows, along columns, and shear, against that lattice.
    rotation
        (N,) radians, counter-clockwise as displayed, against that lattice.
    track
        (N,) number of the atom, the same in all frames of a movie in which it is found.
    """

    frame: Ints
    position: Floats
    species: Ints
    intensity: Floats
    background: Floats
    sigma: Floats
    ellipticity: Floats
    confidence: Floats
    neighbours: Ints
    lattice_a: Floats
    lattice_b: Floats
    strain: Floats
    rotation: Floats
    track: Ints

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def ring_class(self) -> Ints:
        """(N,) −1: rings are counted in graphene only."""
        return np.full(len(self), -1)

    def in_intensities(self, windows: Sequence[tuple[float, float] | None]) -> "LatticeAtoms":
        """The table in intensities of the files; those of ``windows`` are 0 and 1 of a frame."""
        low, high = np.array([window or (0.0, 1.0) for window in windows])[self.frame].T
        width = high - low
        return replace(
            self, intensity=width * self.intensity, background=low + width * self.background
        )

    @classmethod
    def of_frames(
        cls, found: Sequence[Peaks | None], movie: Sequence[int] | None = None
    ) -> "LatticeAtoms":
        """The table of the peaks of each frame; None where a frame has none.

        ``movie`` is the number of the movie of each frame; None: each is one of its own.
        """
        parts, n_before = [], 0
        for number, peaks in enumerate(found):
            if peaks is None:
                continue
            part = _columns(peaks)
            part["frame"] = np.full(len(peaks), number)
            part["neighbours"][part["neighbours"] >= 0] += n_before
            parts.append(part)
            n_before += len(peaks)
        names = [f.name for f in fields(cls) if f.name != "track"]
        columns = {name: np.concatenate([p[name] for p in parts]) for name in names}
        frame, position = columns["frame"], columns["position"]
        movies = range(len(found)) if movie is None else movie
        track = follow(frame, position, nearest_spacing(frame, position), movies)
        return cls(**columns, track=track)


def _columns(peaks: Peaks) -> dict[str, Any]:
    """The columns of `LatticeAtoms` for one frame, but for ``frame``."""
    species = sublattices(peaks.position, peaks.contrast, peaks.spacing_px)
    lattice = local_lattice(peaks.position, species)
    return {
        "position": peaks.position,
        "species": species,
        "intensity": peaks.intensity,
        "background": peaks.background,
        "sigma": peaks.sigma,
        "ellipticity": peaks.ellipticity,
        "confidence": peaks.order,
        "neighbours": _neighbours(peaks.position, NEIGHBOUR_REACH * peaks.spacing_px),
        "lattice_a": lattice.a,
        "lattice_b": lattice.b,
        "strain": lattice.strain,
        "rotation": lattice.rotation,
    }


def _neighbours(position: Floats, reach: float) -> Ints:
    """Numbers (N, 8) of the atoms within reach, nearest first, −1 after the last."""
    tree = cKDTree(position)
    distance, near = tree.query(position, k=MOST_NEIGHBOURS + 1, distance_upper_bound=reach)
    return np.where(np.isfinite(distance[:, 1:]), near[:, 1:], -1).astype(np.int64)
