"""From frames to training and validation patches: where to cut, and which frames to learn from.

Patches of your own frames, whatever they show: on a grid, on points, along edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from vaerun.data.datasets import patch_centres
from vaerun.data.datasets.patch_split import split_patches
from vaerun.data.datasets.patches_config import SPECIES, FramesConfig
from vaerun.data.image_set import ImageSet, PatchLocation, Splits
from vaerun.data.io import read_frames
from vaerun.data.lazy.frame_patches import FramePatches, inside
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import Frame, brightness, from_file
from vaerun.utils.errors import UserError

# F frames, N patches of C channels (times), H × W pixels each.

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PatchSource:
    """Frames, and all that is known before patches are cut.

    Attributes
    ----------
    frames
        To draw on.
    shown
        What patches are cut from: (H', W') in [0, 1] for each frame, of the frame's size.
    atoms
        Those that were found, if any were looked for.
    factors
        True values for each of the atoms, NaN where unknown.
    classes
        Names of the classes of atoms.
    held_back
        Frames that are for validation alone; None: some of all.
    """

    frames: Sequence[Frame]
    shown: Sequence[Tensor]
    atoms: Atoms | None = None
    factors: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    held_back: Sequence[int] | None = None


class PatchGrid(NamedTuple):
    """Where patches are cut.

    Attributes
    ----------
    frame
        (N,) frames, or (N, C) where each is followed through several.
    centre
        (N, 2) row and column, pixels.
    atom
        (N,) row of the atom at the centre, −1 without.
    """

    frame: Ints
    centre: Floats
    atom: Ints

    def at(self, index: npt.NDArray[np.generic]) -> "PatchGrid":
        """Some of them."""
        return PatchGrid(*(values[index] for values in self))


def extract_patches(scene: PatchSource, config: FramesConfig, seed: int) -> Splits:
    """Training and validation patches of a scene.

    A random part of either is taken where ``train_size`` or ``val_size`` asks for fewer than
    there are, in the order of the frames. ``index`` counts through all patches of the scene.

    Raises
    ------
    UserError
        If nothing can be cut, or too little for either part.
    """
    cut = _cut(scene, config)
    stack = FramePatches.cut(scene.shown, cut.frame, cut.centre, _size(config))
    widths = [int(shown.shape[1]) for shown in scene.shown]
    is_train, is_val = split_patches(cut.frame, cut.centre[:, 1], widths, config, scene.held_back)
    streams = np.random.SeedSequence(seed).spawn(2)
    parts = []
    for kind, mask, size, stream in zip(
        ("train", "val"),
        (is_train, is_val),
        (config.train_size, config.val_size),
        streams,
        strict=True,
    ):
        if not mask.any():
            raise _none_left(kind, config)
        rows = _some(np.flatnonzero(mask), size, stream)
        images = stack.select(torch.from_numpy(rows))
        parts.append(_image_set(scene, images, cut.at(rows), rows))
    return Splits(
        train=parts[0],
        val=parts[1],
        classes=list(scene.classes),
        # three bonds look the same after 120°, also where there are no classes
        symmetry=[3] * max(len(scene.classes), 1) if scene.atoms is not None else [],
        frames=list(scene.frames),
    )


def _size(config: FramesConfig) -> tuple[int, int]:
    return config.patch_px, config.patch_px


def _cut(scene: PatchSource, config: FramesConfig) -> PatchGrid:
    """All patches that lie within their frames, and go on for as long as asked."""
    shapes = [(int(s.shape[0]), int(s.shape[1])) for s in scene.shown]
    if config.patch_px > max(min(shape) for shape in shapes):
        raise _no_room(config, shapes)
    found = _centres(scene, config)
    if not len(found.frame):
        raise _no_centres(config)
    frame = found.frame[:, None] + config.lag * np.arange(config.n_times)
    movie = _movies(scene.frames)
    last = np.minimum(frame[:, -1], len(movie) - 1)
    same = (np.array(shapes)[last] == np.array(shapes)[found.frame]).all(1)
    goes_on = (frame[:, -1] == last) & (movie[last] == movie[found.frame]) & same
    cut = PatchGrid(frame, found.centre, found.atom).at(goes_on)
    kept = cut.at(inside(shapes, cut.frame, cut.centre, _size(config))) if len(cut.frame) else cut
    if not len(kept.frame):
        raise _no_room(config, shapes)
    return kept


def _movies(frames: Sequence[Frame]) -> Ints:
    """The movie of each frame, (F,); where all files hold a single one, they are one movie."""
    movie = np.array([frame.movie for frame in frames])
    return movie if len(np.unique(movie)) < len(movie) else np.zeros(len(movie), np.int64)


def _no_centres(config: FramesConfig) -> UserError:
    if config.centres == "atoms":
        return UserError(
            f"no atom of data.species=[{','.join(config.species)}] is found in these frames",
            "choose other species, or other centres, as in data.centres=grid",
        )
    return UserError(
        f"data.centres={config.centres} finds no place for a patch in these frames",
        "choose other centres, as in data.centres=grid",
    )


def _no_room(config: FramesConfig, shapes: Sequence[tuple[int, int]]) -> UserError:
    largest = "×".join(map(str, max(shapes)))
    times = f" and data.n_times={config.n_times}" if config.n_times > 1 else ""
    return UserError(
        f"data.patch_px={config.patch_px}{times} leave no patch in {len(shapes)} frame(s) "
        f"of {largest} pixels or less",
        "make them smaller",
    )


def _centres(scene: PatchSource, config: FramesConfig) -> PatchGrid:
    if config.centres == "atoms":
        assert scene.atoms is not None
        wanted = [SPECIES.index(name) for name in config.species]
        rows = np.flatnonzero(np.isin(scene.atoms.species, wanted))
        return PatchGrid(scene.atoms.frame[rows], scene.atoms.position[rows], rows)
    if config.centres == "points":
        if config.points is None:
            raise UserError(
                "data.centres=points names no file", "give it as data.points=points.csv"
            )
        parts = [patch_centres.from_points(config.points)]
    elif config.centres == "grid":
        parts = [
            patch_centres.grid((s.shape[0], s.shape[1]), _size(config), config.step_px, i)
            for i, s in enumerate(scene.shown)
        ]
    else:
        parts = [
            patch_centres.along_edges(
                gaussian_filter(s.numpy(), config.edge_blur_px) > config.edge_level,
                config.step_px,
                i,
            )
            for i, s in enumerate(scene.shown)
        ]
    frame = np.concatenate([part.frame for part in parts])
    if len(frame) and (frame.max() >= len(scene.frames) or frame.min() < 0):
        raise UserError(
            f"data.points={config.points} names frame {frame.max()}, but there are "
            f"{len(scene.frames)}",
            "count frames from 0",
        )
    centre = np.concatenate([part.centre for part in parts])
    if config.centres == "points":
        centre = from_file(centre, frame, scene.frames)
    return PatchGrid(frame, centre, np.full(len(frame), -1))


def _none_left(kind: str, config: FramesConfig) -> UserError:
    times = ", data.n_times" if config.n_times > 1 else ""
    return UserError(
        f"no patch is left for {'training' if kind == 'train' else 'validation'}",
        f"change data.val_share, data.split{times} or data.patch_px",
    )


def _some(rows: Ints, size: int | None, seed: np.random.SeedSequence) -> Ints:
    """All rows, or a random part of them in their order."""
    if size is None or size >= len(rows):
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))


def _image_set(scene: PatchSource, images: FramePatches, cut: PatchGrid, index: Ints) -> ImageSet:
    n, atoms = len(cut.atom), scene.atoms
    known = cut.atom >= 0
    species = np.full(n, -1)
    ring_class = np.full(n, -1)
    if atoms is not None:
        species[known] = atoms.species[cut.atom[known]]
        ring_class[known] = atoms.ring_class[cut.atom[known]]
    factors = {name: torch.full((n,), torch.nan) for name in scene.factors}
    for name, values in scene.factors.items():
        factors[name][torch.from_numpy(known)] = torch.from_numpy(values[cut.atom[known]])
    return ImageSet(
        images=images,
        label=torch.from_numpy(ring_class.copy()),
        index=torch.from_numpy(index),
        factors=factors,
        place=PatchLocation(
            frame=cut.frame[:, 0],
            centre=cut.centre.astype(np.float32),
            species=species,
            ring_class=ring_class,
        ),
    )


PatchesConfig = FramesConfig


def load(config: PatchesConfig, seed: int) -> Splits:
    """Patches of the frames in ``data.path``, each frame from 0 (dark) to 1 (bright)."""
    if config.path is None:
        raise UserError("data.path is not given", "name your frames, as in data.path=frames.h5")
    if config.centres == "atoms":
        raise UserError(
            "data.centres=atoms needs atoms, which only data=graphene looks for",
            "use data.centres=grid, points or edges",
        )
    frames = read_frames.read(config.path, config.key, config.pixel_size_nm)
    shown = [torch.from_numpy(brightness(frame.image)) for frame in frames]
    return extract_patches(PatchSource(frames=frames, shown=shown), config, seed)


def load_labelled(config: PatchesConfig, seed: int, splits: Splits) -> ImageSet:
    """Refused: nothing is known of what these patches show."""
    del seed, splits
    raise UserError(
        f"data={config.name} has no labels to learn from", "use model=rvae, or model=jrvae"
    )
