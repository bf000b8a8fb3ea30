"""Graphene: a simulated or a real movie, its atoms and rings, and patches around atoms."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track

from vaerun.cache import Arrays, cached
from vaerun.data.framing import FramesConfig
from vaerun.data.scenes import Scene, split_patches
from vaerun.data.sets import ImageSet, Splits
from vaerun.errors import UserError
from vaerun.hardware import quick_at_bfloat16
from vaerun.microscopy import finder, readers, rings, zenodo
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.finder import Found
from vaerun.microscopy.frames import Frame, brightness
from vaerun.microscopy.imaging import Optics
from vaerun.microscopy.lattice import lattice_pixel_nm, resampled
from vaerun.microscopy.movie import Story, Truth
from vaerun.microscopy.score import WITHIN_A, matches
from vaerun.microscopy.simulate import simulated
from vaerun.microscopy.surroundings import threefold_phase
from vaerun.schema import option

_STREAM = 4  # of the choice of labelled images

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class GrapheneConfig(FramesConfig):
    """Where the frames come from, and what is made of them."""

    source: str = option(
        "where frames come from, without data.path", choices=["simulated", "zenodo"]
    )
    movie: int | None = option(
        "number of the movie: of a simulated one any, of the public ones null for all", min=0
    )
    val_movie: int | None = option(
        "another simulated movie to validate on; null: frames of the same", min=0
    )
    n_frames: int = option("frames of a simulated movie", min=2)
    frame_px: int = option("side of its square frames, in pixels of 0.14 Å", min=64)
    dose: float = option("electrons counted at the peak of a carbon atom there", above=0)
    channel: str = option(
        "what patches show: the atom finder's probability of an atom, or the frame",
        choices=["probability", "raw"],
    )
    ring_classes: list[str] = option("classes of atoms, by the rings that hold them")
    smallest_ring: int = option("rings that count for a class have this many atoms", min=3, max=12)
    largest_ring: int = option("up to this many", min=3, max=12)
    labelled_share: float = option(
        "share of the images of each class with a label, for models that learn them",
        above=0,
        max=1,
    )

    def __post_init__(self) -> None:
        rings.check_classes(self.ring_classes)


def load(config: GrapheneConfig, seed: int) -> Splits:
    """Patches around atoms, or wherever the config wants them."""
    return split_patches(scene(config), config, seed)


def load_labelled(config: GrapheneConfig, seed: int, splits: Splits) -> ImageSet:
    """A share of the training images of each class; their labels come from their rings."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    label = splits.train.label.numpy()
    rows = []
    for number in range(len(config.ring_classes)):
        of_class = np.flatnonzero(label == number)
        n = int(np.ceil(config.labelled_share * len(of_class)))
        rows.append(rng.choice(of_class, n, replace=False))
    chosen = np.sort(np.concatenate(rows))
    if not len(chosen):
        raise UserError(
            "no training image is of any class in data.ring_classes", "name other classes"
        )
    return splits.train.select(torch.from_numpy(chosen))


def scene(config: GrapheneConfig, *, progress: bool = True) -> Scene:
    """Frames at the finder's scale, their atoms, and what is true of them where that is known."""
    root = Path(config.root).expanduser()
    held_back = None
    truths: list[Truth] = []
    if config.path is not None or config.source == "zenodo":
        frames = _at_scale(_read(config, root), config)
    else:
        movies = [config.movie or 0, *([] if config.val_movie is None else [config.val_movie])]
        frames = []
        for number in movies:
            some, true = simulated(
                root, _story(config), Optics(dose=config.dose), number, progress=progress
            )
            if frames:
                held_back = list(range(len(frames), len(frames) + len(some)))
            frames += some
            truths += true
    probability, found = find_atoms(frames, root, progress=progress)
    atoms = Atoms.of_frames(
        found,
        finder.PIXEL_A,
        config.ring_classes,
        (config.smallest_ring, config.largest_ring),
    )
    shown = (
        probability if config.channel == "probability" else [brightness(f.image) for f in frames]
    )
    return Scene(
        frames=frames,
        shown=[torch.from_numpy(image) for image in shown],
        atoms=atoms,
        factors=true_factors(atoms, truths) if truths else {},
        classes=config.ring_classes,
        held_back=held_back,
    )


def find_atoms(
    frames: Sequence[Frame], root: Path, *, progress: bool = True
) -> tuple[list[Image], list[Found]]:
    """Probability of an atom at each pixel of frames at the finder's scale, and the atoms.

    Kept under ``root``, and found only once for the same frames.
    """
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(repr(frame.image.shape).encode() + frame.image.tobytes())
    key = {
        "frames": digest.hexdigest(),
        "finder": hashlib.sha256(finder.WEIGHTS.read_bytes()).hexdigest(),
    }
    arrays = cached(root / "graphene", "atoms", key, lambda: _found(frames, progress=progress))
    ends = np.cumsum(arrays["n_atoms"])[:-1]
    parts = {k: np.split(arrays[k], ends) for k in ("position", "species", "confidence")}
    found = [Found(**{name: part[i] for name, part in parts.items()}) for i in range(len(frames))]
    images = [
        np.divide(arrays[f"probability_{i}"], 255, dtype=np.float32) for i in range(len(frames))
    ]
    return images, found


def _found(frames: Sequence[Frame], *, progress: bool) -> Arrays:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mixed = quick_at_bfloat16("gpu" if device.type == "cuda" else "cpu")
    network = finder.load_network(device)
    arrays: dict[str, Any] = {}
    found = []
    for i, frame in enumerate(
        track(frames, "finding atoms", transient=True, disable=not progress)
    ):
        probability = finder.segment(network, frame.image, mixed=mixed)
        found.append(finder.atoms(probability))
        arrays[f"probability_{i}"] = (255 * probability.sum(0).clip(0, 1)).round().astype(np.uint8)
    return {
        **arrays,
        "n_atoms": np.array([len(f.position) for f in found]),
        "position": np.concatenate([f.position for f in found]),
        "species": np.concatenate([f.species for f in found]),
        "confidence": np.concatenate([f.confidence for f in found]),
    }


def true_factors(atoms: Atoms, truths: Sequence[Truth]) -> dict[str, npt.NDArray[np.float32]]:
    """What is true of each atom that was found, (N,); NaN for those that are none.

    ``angle``: by how much the directions of its bonds are turned, modulo 120°; ``strain``; and
    ``sublattice``, ``ideal`` and ``amorphous``, 0 or 1.
    """
    names = ("angle", "strain", "sublattice", "ideal", "amorphous")
    values = {name: np.full(len(atoms), np.nan, np.float32) for name in names}
    for number, truth in enumerate(truths):
        rows = np.flatnonzero(atoms.frame == number)
        true_px = truth.position / finder.PIXEL_A - 0.5
        at_found, at_true = matches(atoms.position[rows], true_px, WITHIN_A / finder.PIXEL_A)
        rows = rows[at_found]
        phase = threefold_phase(truth.position, truth.bonds)[at_true]
        values["angle"][rows] = np.where(np.abs(phase) > 0.5, np.angle(phase) / 3, np.nan)
        values["strain"][rows] = truth.strain[at_true]
        sublattice = truth.sublattice[at_true]
        values["sublattice"][rows] = np.where(sublattice >= 0, sublattice, np.nan)
        values["ideal"][rows] = truth.ideal[at_true]
        values["amorphous"][rows] = truth.amorphous[at_true]
    return values


def _story(config: GrapheneConfig) -> Story:
    side = config.frame_px * finder.PIXEL_A
    crowd = (config.frame_px / 512) ** 2  # the default story fills frames of 512 pixels
    return Story(
        n_frames=config.n_frames,
        height=side,
        width=side,
        silicon=round(24 * crowd),
        fourfold=round(5 * crowd),
    )


def _read(config: GrapheneConfig, root: Path) -> list[Frame]:
    if config.path is not None:
        return readers.read(config.path, config.key, config.pixel_size_nm)
    return zenodo.fetch(root, config.movie)


def _at_scale(frames: Sequence[Frame], config: GrapheneConfig) -> list[Frame]:
    """Frames resampled to the pixel size that the finder was trained at."""
    scaled = []
    for frame in frames:
        pixel_nm = config.pixel_size_nm or frame.pixel_nm or lattice_pixel_nm(frame.image)
        if pixel_nm is None:
            raise UserError(
                f"{frame.name} says no pixel size and shows no lattice to measure it by",
                "give data.pixel_size_nm=0.01 or the like",
            )
        factor = 10 * pixel_nm / finder.PIXEL_A
        scaled.append(
            Frame(
                image=resampled(frame.image, factor),
                pixel_nm=finder.PIXEL_A / 10,
                name=frame.name,
                scale=factor,
            )
        )
    return scaled
