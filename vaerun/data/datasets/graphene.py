"""Graphene: a simulated or a real movie, its atoms and rings, and patches around atoms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vaerun.config.schema import field
from vaerun.data.datasets.patches import PatchSource, extract_patches
from vaerun.data.datasets.patches_config import FramesConfig
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.io import read_frames, zenodo
from vaerun.microscopy import atom_finder, rings
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.bonds import threefold_phase
from vaerun.microscopy.detection_score import WITHIN_A, matches
from vaerun.microscopy.find_atoms import find_atoms
from vaerun.microscopy.frame import Frame, brightness
from vaerun.microscopy.rescale import at_scale
from vaerun.microscopy.simulation.movie import Scenario, Truth
from vaerun.microscopy.simulation.simulate import simulated
from vaerun.microscopy.simulation.stem_imaging import Optics
from vaerun.utils.errors import UserError, format_value, raise_all

_STREAM = 4  # of the choice of labelled images


@dataclass(frozen=True, kw_only=True, slots=True)
class GrapheneConfig(FramesConfig):
    """Where the frames come from, and what is made of them."""

    source: str = field(
        "where frames come from, without data.path", choices=["simulated", "zenodo"]
    )
    movies: list[int] | None = field(
        "numbers of the movies: simulated ones (null: 0), or of the public ones (null: all)",
        min=0,
    )
    val_movies: list[int] | None = field(
        "other simulated movies to validate on; null: frames of the same", min=0
    )
    n_frames: int = field("frames of each simulated movie", min=2)
    frame_px: int = field("side of its square frames, in pixels of 0.14 Å", min=64)
    dose: float = field(
        "electrons counted at the peak of a carbon atom there", above=0, max=10_000
    )
    channel: str = field(
        "what patches show: the atom finder's probability of an atom, or the frame",
        choices=["probability", "raw"],
    )
    ring_classes: list[str] = field("classes of atoms, by the rings that hold them")
    smallest_ring: int = field("rings that count for a class have this many atoms", min=3, max=12)
    largest_ring: int = field("up to this many", min=3, max=12)
    labelled_share: float = field(
        "share of the images of each class with a label, for models that learn them",
        above=0,
        max=1,
    )

    def __post_init__(self) -> None:
        rings.check_classes(self.ring_classes)
        own, public = self.path is not None, self.source == "zenodo"
        faults = []
        if self.smallest_ring > self.largest_ring:
            what = f"data.smallest_ring={self.smallest_ring} is above data.largest_ring="
            faults.append(UserError(f"{what}{self.largest_ring}", "lower it"))
        if own and public:
            what = f"data.path={self.path} and data.source=zenodo are two sources of frames"
            faults.append(UserError(what, "leave one of them out"))
        if self.movies == []:
            faults.append(UserError("data.movies=[] leaves no movie", "give one, as in [0]"))
        if self.val_movies is not None and (own or public):
            what = (
                f"data.val_movies={format_value(self.val_movies)} are simulated, unlike the others"
            )
            faults.append(UserError(what, "leave it out: data.val_share is held back"))
        elif both := set(self.val_movies or ()) & set(self.movies or [0]):
            what = f"data.val_movies={format_value(self.val_movies)}: {min(both)} is trained on"
            faults.append(UserError(what, "give others"))
        raise_all(faults)


def load(config: GrapheneConfig, seed: int) -> Splits:
    """Patches around atoms, or wherever the config wants them."""
    return extract_patches(scene(config), config, seed)


def load_labelled(config: GrapheneConfig, seed: int, splits: Splits) -> ImageSet:
    """A share of the training images of each class; their labels come from their rings."""
    if config.centres != "atoms":
        raise UserError(
            f"data.centres={config.centres} gives patches of no class",
            "use data.centres=atoms, or model=rvae or jrvae",
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    label = splits.train.label.numpy()
    rows = [np.zeros(0, np.int64)]
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


def scene(
    config: GrapheneConfig, *, device: torch.device | None = None, progress: bool = True
) -> PatchSource:
    """Frames at the finder's scale, their atoms, and what is true of them where that is known.

    Atoms are looked for on that device; None: on a GPU if there is one.
    """
    root = Path(config.root).expanduser()
    held_back: list[int] = []
    truths: list[Truth] = []
    if config.path is not None or config.source == "zenodo":
        frames = at_scale(_read(config, root), config.pixel_size_nm)
    else:
        frames, story, optics = [], _story(config), Optics(dose=config.dose)
        of_val = dict.fromkeys(config.val_movies or ())
        for number in [*dict.fromkeys(config.movies or [0]), *of_val]:
            some, true = simulated(root, story, optics, number, progress=progress)
            if number in of_val:
                held_back += range(len(frames), len(frames) + len(some))
            frames += some
            truths += true
    probability, found = find_atoms(frames, root, device, progress=progress)
    atoms = Atoms.of_frames(
        found,
        [frame.image.shape for frame in frames],
        atom_finder.PIXEL_A,
        config.ring_classes,
        (config.smallest_ring, config.largest_ring),
    )
    shown = (
        probability if config.channel == "probability" else [brightness(f.image) for f in frames]
    )
    return PatchSource(
        frames=frames,
        shown=[torch.from_numpy(image) for image in shown],
        atoms=atoms,
        factors=true_factors(atoms, truths) if truths else {},
        classes=config.ring_classes,
        held_back=held_back or None,
    )


def true_factors(atoms: Atoms, truths: Sequence[Truth]) -> dict[str, npt.NDArray[np.float32]]:
    """What is true of each atom that was found, (N,); NaN for those that are none.

    ``angle``: by how much the directions of its bonds are turned, modulo 120°; ``strain``; and
    ``sublattice``, ``ideal`` and ``amorphous``, 0 or 1.
    """
    names = ("angle", "strain", "sublattice", "ideal", "amorphous")
    values = {name: np.full(len(atoms), np.nan, np.float32) for name in names}
    for number, truth in enumerate(truths):
        rows = np.flatnonzero(atoms.frame == number)
        true_px = truth.position / atom_finder.PIXEL_A - 0.5
        at_found, at_true = matches(atoms.position[rows], true_px, WITHIN_A / atom_finder.PIXEL_A)
        rows = rows[at_found]
        phase = threefold_phase(truth.position, truth.bonds)[at_true]
        values["angle"][rows] = np.where(np.abs(phase) > 0.5, np.angle(phase) / 3, np.nan)
        values["strain"][rows] = truth.strain[at_true]
        sublattice = truth.sublattice[at_true]
        values["sublattice"][rows] = np.where(sublattice >= 0, sublattice, np.nan)
        values["ideal"][rows] = truth.ideal[at_true]
        values["amorphous"][rows] = truth.amorphous[at_true]
    return values


def _story(config: GrapheneConfig) -> Scenario:
    """The default story in a field of another size; fewer frames tell it in longer steps."""
    side = config.frame_px * atom_finder.PIXEL_A
    length = config.frame_px / 512  # the default story fills frames of 512 pixels
    crowd, full = length**2, Scenario()
    step = full.n_frames / config.n_frames
    holes = max(round(full.holes * crowd), 1)
    return Scenario(
        n_frames=config.n_frames,
        height=side,
        width=side,
        silicon=round(full.silicon * crowd),
        fourfold=round(full.fourfold * crowd),
        hop=1 - (1 - full.hop) ** step,
        rotations=(round(full.rotations[0] * crowd), full.rotations[1] * crowd * step),
        vacancies=(round(full.vacancies[0] * crowd), full.vacancies[1] * crowd * step),
        holes=holes,
        growth=full.growth * crowd * full.holes / holes * step,
        amorphous=full.amorphous * length,
        grain=full.grain * length,
        drift=full.drift * step**0.5,
    )


def _read(config: GrapheneConfig, root: Path) -> list[Frame]:
    if config.path is not None:
        return read_frames.read(config.path, config.key, config.pixel_size_nm)
    return zenodo.fetch(root, config.movies)
