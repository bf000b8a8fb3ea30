"""`data=patches`: patches of the user's frames; and, for all frames, the cutting of patches."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from vaerun.data.datasets import patch_centres
from vaerun.data.datasets.own_frames import own_frames, spread_out
from vaerun.data.datasets.patch_split import split_patches
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.datasets.peak_atoms import peak_atoms
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.lazy.frame_patches import FramePatches, inside, measured_share
from vaerun.data.patch_location import PatchLocation
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import Frame, brightness, from_file, movies_of, shown_range
from vaerun.microscopy.graphene import SPECIES
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.lattice_spacing import lattice_repeat_px
from vaerun.microscopy.tracks import along_tracks
from vaerun.utils.arrays import n_at_once
from vaerun.utils.errors import UserError, format_value

_OF_BONDS = 3  # order of the symmetry of atoms of graphene
_SPANS = (1.5, 6.0)  # lattice spacings that a patch had better span

# F frames, N patches of C channels (times), H × W pixels each.

_MEASURED = 0.5  # least share of the pixels of a patch
_AT_ONCE = 2000  # patches

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


def extract_patches(source: PatchSource, config: PatchesConfig, seed: int) -> Splits:
    """Training and validation patches; ``index`` counts through all patches of the source.

    Of more patches than ``train_size`` or ``val_size``, a random part is taken, in the order of
    the frames. Those that are in neither are in `Splits.rest`, if the source
    is wanted as a whole.

    Raises
    ------
    UserError
        If there are no patches, or none for training or validation.
    """
    grid = _grid(source, config)
    _log_window(source, config)
    patches = FramePatches.cut(
        source.shown,
        grid.frame,
        grid.centre,
        _size(config),
        own_scale=config.normalise == "patch",
        measured=[frame.measured for frame in source.frames],
    )
    patches = _gaps_counted(patches)
    widths = [int(shown.shape[1]) for shown in source.shown]
    column = _first_centre(grid)[:, 1]
    masks = split_patches(grid.frame, column, widths, config, source.held_back)
    streams = np.random.SeedSequence(seed).spawn(2)
    parts, taken = [], np.zeros(len(grid.frame), bool)
    for kind, mask, size, stream in zip(
        ("training", "validation"),
        masks,
        (config.train_size, config.val_size),
        streams,
        strict=True,
    ):
        if not mask.any():
            raise _none_left(kind, config)
        rows = np.flatnonzero(mask)
        if size is not None and size < len(rows):
            rows = np.sort(np.random.default_rng(stream).choice(rows, size, replace=False))
        taken[rows] = True
        parts.append(_image_set(source, patches, grid, rows))
    rest = np.flatnonzero(~taken)
    # three bonds look the same after 120°, also without classes
    symmetry = source.symmetry or (_OF_BONDS if isinstance(source.atoms, Atoms) else None)
    return Splits(
        train=parts[0],
        val=parts[1],
        classes=list(source.classes),
        symmetry=[symmetry] * max(len(source.classes), 1) if symmetry else [],
        frames=list(source.frames),
        frame_windows=[frame.window or shown_range(frame.image) for frame in source.frames]
        if source.shows_frames
        else [],
        rest=_image_set(source, patches, grid, rest) if source.whole and len(rest) else None,
    )


def _gaps_counted(patches: FramePatches) -> FramePatches:
    """The patches, with a mask only if pixels of any were not measured, which is said."""
    mask = patches.measured
    if mask is None:
        return patches
    chunk = n_at_once(mask.shape[1:].numel(), _AT_ONCE)
    missing = torch.cat([(~some).flatten(1).sum(1) for some in mask.split(chunk)])
    n = int((missing > 0).sum())
    if not n:
        return replace(patches, known=None)
    log.info(
        f"in {n:,} of {len(mask):,} patches {int(missing.sum()):,} pixels were not measured: they "
        "are left out of likelihood and errors"
    )
    return patches


def _first_centre(grid: PatchGrid) -> Floats:
    """Centre (N, 2) of the first channel of each patch."""
    return grid.centre if grid.centre.ndim == 2 else grid.centre[:, 0]


def _log_window(source: PatchSource, config: PatchesConfig) -> None:
    """Say how many lattice spacings a patch spans, and warn where they are few or many."""
    spacing = lattice_repeat_px(source.frames[0].image)
    if spacing is None:
        return
    spans = config.patch_px / spacing
    what = f"a patch of data.patch_px={config.patch_px} spans {spans:.1f} lattice spacings of "
    what += f"{spacing:.1f} px"
    few, many = _SPANS
    if spans < few:
        log.warning("%s: too few to show a neighbourhood — data.patch_px=%d spans 2.5",
                    what, round(2.5 * spacing))  # fmt: skip
    elif spans > many:
        log.warning("%s: so many that single atoms count little — data.patch_px=%d spans 2.5",
                    what, max(round(2.5 * spacing), 8))  # fmt: skip
    else:
        log.info(what)


def _size(config: PatchesConfig) -> tuple[int, int]:
    return config.patch_px, config.patch_px


def _grid(source: PatchSource, config: PatchesConfig) -> PatchGrid:
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
        grid = grid.select(inside(shapes, grid.frame, grid.centre, _size(config)))
    if not len(grid.frame):
        raise _no_room(config, shapes)
    return _on_measured_pixels(grid, source.frames, _size(config))


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
            patch_centres.grid((s.shape[0], s.shape[1]), _size(config), config.step_px, i)
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


def _none_left(kind: str, config: PatchesConfig) -> UserError:
    times = ", data.n_times" if config.n_times > 1 else ""
    hint = f"change data.val_share, data.split{times} or data.patch_px"
    return UserError(f"no patch is left for {kind}", hint)


def _image_set(
    source: PatchSource, patches: FramePatches, grid: PatchGrid, index: Ints
) -> ImageSet:
    """The patches at some positions (n,)."""
    images, grid = patches.select(torch.from_numpy(index)), grid.select(index)
    measured = images.measured
    n, atoms = len(grid.atom), source.atoms
    on_atom = grid.atom >= 0
    rows = grid.atom[on_atom]
    species, ring_class, track = np.full((3, n), -1)
    if atoms is not None:
        species[on_atom], ring_class[on_atom] = atoms.species[rows], atoms.ring_class[rows]
    if isinstance(atoms, LatticeAtoms):
        track[on_atom] = atoms.track[rows]
    factors = {name: torch.full((n,), torch.nan) for name in source.factors}
    for name, values in source.factors.items():
        factors[name][torch.from_numpy(on_atom)] = torch.from_numpy(values[rows])
    return ImageSet(
        images=images,
        measured=measured,
        label=torch.from_numpy(ring_class.copy()),
        index=torch.from_numpy(index),
        factors=factors,
        place=PatchLocation(
            frame=grid.frame[:, 0],
            centre=_first_centre(grid).astype(np.float32),
            species=species,
            ring_class=ring_class,
            track=track,
        ),
    )


def load(config: PatchesConfig, seed: int) -> Splits:
    """Patches of the frames in ``data.path``, each frame scaled to [0, 1]."""
    if config.centres == "atoms":
        what = "data.centres=atoms needs atoms, which only data=graphene detects"
        raise UserError(what, "use data.centres=peaks, for the atoms of any material")
    return extract_patches(patch_source(config, own_frames(config)), config, seed)


def patch_source(
    config: PatchesConfig, frames: Sequence[Frame], *, progress: bool = True
) -> PatchSource:
    """Frames, of `own_frames` or simulated, and their atoms if patches are to be on these."""
    finds_peaks = config.centres == "peaks"
    shown = [f.image if f.window is not None else brightness(f.image) for f in frames]
    if finds_peaks:
        shown = [spread_out(np.clip(image, 0, 1), config) for image in shown]
    return PatchSource(
        frames=frames,
        shown=[torch.from_numpy(image) for image in shown],
        shows_frames=config.scale == "none" and config.normalise == "frame",
        atoms=peak_atoms(frames, config, progress=progress) if finds_peaks else None,
    )


def load_labelled(config: PatchesConfig, seed: int, splits: Splits) -> ImageSet:
    """Always a `UserError`, since these patches have no labels."""
    del seed, splits
    what = f"data={config.name} has no labels to learn from"
    raise UserError(what, "use model=rvae, or model=jrvae")
