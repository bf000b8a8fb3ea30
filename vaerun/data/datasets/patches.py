"""`data=patches`: patches of the user's frames; and, for all frames, the cutting of patches."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.datasets.own_frames import own_frames, spread_out
from vaerun.data.datasets.patch_grid import PatchGrid, PatchSource, place_patches
from vaerun.data.datasets.patch_split import split_patches
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.datasets.peak_atoms import peak_atoms
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.lazy.frame_patches import FramePatches
from vaerun.data.patch_location import PatchLocation
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import Frame, brightness, shown_range
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.lattice_spacing import lattice_repeat_px
from vaerun.utils.arrays import n_at_once
from vaerun.utils.errors import UserError

_OF_BONDS = 3  # order of the symmetry of atoms of graphene
_SPANS = (1.5, 6.0)  # lattice spacings that a patch had better span

# F frames, N patches of C channels (times), H × W pixels each.

_AT_ONCE = 2000  # patches

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

log = logging.getLogger(__name__)


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
    grid = place_patches(source, config)
    _log_window(source, config)
    patches = FramePatches.cut(
        source.shown,
        grid.frame,
        grid.centre,
        config.size,
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
