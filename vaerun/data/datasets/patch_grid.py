"""Where patches are cut: their frames and centres, by ``data.centres``, where they fit in."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from torch import Tensor

from vaerun.data.datasets import patch_centres
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.lazy.frame_patches import inside, measured_share
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import Frame, from_file, movies_of
from vaerun.microscopy.graphene import SPECIES
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.tracks import along_tracks
from vaerun.utils.errors import UserError, format_value

_MEASURED = 0.5  # least share of the pixels of a patch

# F frames, N patches of C channels (times), H × W pixels each.

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PatchSource:
    """Frames, with their atoms if detected, from which patches are cut.

    Attributes
    ----------
    frames
        The frames, also for figures.
    shown
        Images that patches are cut from: (H', W') in [0, 1], one of the size of each frame.
    atoms
        Detected atoms, if patches are to be centred on them or named after them.
    factors
        True values of each atom by name, (number of atoms,), NaN where unknown.
    classes
        Names of the classes of atoms.
    held_back
        Numbers of the frames for validation; None: the config determines them.
    shows_frames
        Whether ``shown`` are the frames themselves, each from 0 to 1, and nothing made of them.
    symmetry
        Order of the rotational symmetry of the patches; None if unknown.
    whole
        Whether all patches are wanted, also those that are for neither training nor validation.
    """

    frames: Sequence[Frame]
    shown: Sequence[Tensor]
    atoms: Atoms | LatticeAtoms | None = None
    factors: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    held_back: Sequence[int] | None = None
    shows_frames: bool = False
    symmetry: int | None = None
    whole: bool = True


class PatchGrid(NamedTuple):
    """Frames, centres and atoms of N patches.

    Attributes
    ----------
    frame
        (N,) number of the frame, or (N, C) of the frame of each channel.
    centre
        (N, 2) row and column, pixels, or (N, C, 2) of each channel.
    atom
        (N,) row of `Atoms` with the atom at the centre, −1 without.
    """

    frame: Ints
    centre: Floats
    atom: Ints

    def select(self, index: npt.NDArray[np.generic]) -> "PatchGrid":
        """The patches at these positions, or where a mask (N,) is True."""
        return PatchGrid(*(values[index] for values in self))


def place_patches(source: PatchSource, config: PatchesConfig) -> PatchGrid:
    """All patches that are inside frames of one movie and one shape at all their times."""
    shapes = [(int(s.shape[0]), int(s.shape[1])) for s in source.shown]
    if config.patch_px > max(min(shape) for shape in shapes):
        raise _no_room(config, shapes)
    first = _centres(source, config)
    if not len(first.frame):
        raise _no_centres(config)
    frame = first.frame[:, None] + config.lag * np.arange(config.n_times)
    movie = movies_of(source.frames)
    last = np.minimum(frame[:, -1], len(movie) - 1)
    same = (np.array(shapes)[last] == np.array(shapes)[first.frame]).all(1)
    continues = (frame[:, -1] == last) & (movie[last] == movie[first.frame]) & same
    grid = PatchGrid(frame, first.centre, first.atom).select(continues)
    if config.n_times > 1 and isinstance(source.atoms, LatticeAtoms) and len(grid.frame):
        grid = _along_tracks(grid, source.atoms)
    if len(grid.frame):
        grid = grid.select(inside(shapes, grid.frame, grid.centre, config.size))
    if not len(grid.frame):
        raise _no_room(config, shapes)
    return _on_measured_pixels(grid, source.frames, config.size)


def _on_measured_pixels(
    grid: PatchGrid, frames: Sequence[Frame], size: tuple[int, int]
) -> PatchGrid:
    """The patches of which at least half is measured at all their times; others are counted."""
    share = np.ones(grid.frame.shape)
    for number, frame in enumerate(frames):
        here = grid.frame == number
        if frame.measured is not None and here.any():
            at = np.broadcast_to(grid.centre[:, None], (*grid.frame.shape, 2))[here]
            share[here] = measured_share(frame.measured, at, size)
    kept = np.asarray((share >= _MEASURED).all(1))
    if not np.any(kept):
        what = "less than half of each patch is measured"
        raise UserError(what, "make data.patch_px smaller, or give frames with fewer gaps")
    if n_left_out := int((~kept).sum()):
        log.info(f"{n_left_out:,} patches left out: less than half of their pixels are measured")
    return grid.select(kept)


def _along_tracks(grid: PatchGrid, atoms: LatticeAtoms) -> PatchGrid:
    """The patches whose atom is found at all times, each channel centred where it is then."""
    if (grid.atom < 0).any():
        return grid
    numbers = np.full((len(atoms), grid.frame.shape[1]), -1)
    numbers[grid.atom] = grid.frame
    rows = along_tracks(atoms.frame, atoms.track, numbers)[grid.atom]
    followed = np.asarray((rows >= 0).all(1))
    log.info("%s of %s atoms are found at all %d times; the others get no patch",
             f"{int(followed.sum()):,}", f"{len(followed):,}", rows.shape[1])  # fmt: skip
    centre = atoms.position[rows]  # (N, C, 2)
    return PatchGrid(grid.frame, centre, grid.atom).select(followed)


def _no_centres(config: PatchesConfig) -> UserError:
    hint = "other centres, as in data.centres=grid"
    if config.centres == "atoms":
        species = ",".join(config.species)
        what = f"no atom of data.species=[{species}] is detected in these frames"
        return UserError(what, f"choose other species, or {hint}")
    if config.centres == "peaks":
        what = f"no atom is on data.sublattices={format_value(config.sublattices)}"
        return UserError(what, f"count sublattices from 0, or choose {hint}")
    what = f"data.centres={config.centres} gives no centre of a patch in these frames"
    return UserError(what, f"choose {hint}")


def _no_room(config: PatchesConfig, shapes: Sequence[tuple[int, int]]) -> UserError:
    largest = "×".join(map(str, max(shapes)))
    times = f" and data.n_times={config.n_times}" if config.n_times > 1 else ""
    frames = f"{len(shapes)} frame(s) of {largest} pixels or less"
    what = f"data.patch_px={config.patch_px}{times} leave no patch in {frames}"
    return UserError(what, "make them smaller")


def _centres(source: PatchSource, config: PatchesConfig) -> PatchGrid:
    """Centres of patches, by ``data.centres``, with the first frame of each."""
    if config.centres == "atoms":
        assert source.atoms is not None
        species = [SPECIES.index(name) for name in config.species]
        rows = np.flatnonzero(np.isin(source.atoms.species, species))
        return PatchGrid(source.atoms.frame[rows], source.atoms.position[rows], rows)
    if config.centres == "peaks":
        assert source.atoms is not None
        wanted = source.atoms.species
        if config.sublattices is not None:
            rows = np.flatnonzero(np.isin(wanted, config.sublattices))
        else:
            rows = np.arange(len(wanted))
        return PatchGrid(source.atoms.frame[rows], source.atoms.position[rows], rows)
    if config.centres == "points":
        if config.points is None:
            what = "data.centres=points names no file"
            raise UserError(what, "give it as data.points=points.csv")
        parts = [patch_centres.from_points(config.points)]
    elif config.centres == "grid":
        parts = [
            patch_centres.grid((s.shape[0], s.shape[1]), config.size, config.step_px, i)
            for i, s in enumerate(source.shown)
        ]
    else:
        parts = [
            patch_centres.along_edges(
                gaussian_filter(s.numpy(), config.edge_blur_px) > config.edge_level,
                config.step_px,
                i,
            )
            for i, s in enumerate(source.shown)
        ]
    frame = np.concatenate([part.frame for part in parts])
    if len(frame) and (frame.max() >= len(source.frames) or frame.min() < 0):
        n = len(source.frames)
        what = f"data.points={config.points} names frame {frame.max()}, but there are {n}"
        raise UserError(what, "count frames from 0")
    centre = np.concatenate([part.centre for part in parts])
    if config.centres == "points":
        centre = from_file(centre, frame, source.frames)
    return PatchGrid(frame, centre, np.full(len(frame), -1))
