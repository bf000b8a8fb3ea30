"""`data=graphene`: patches around the atoms of simulated, public or own movies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vaerun.config.schema import field
from vaerun.data.datasets import patches
from vaerun.data.datasets.patch_grid import PatchSource
from vaerun.data.datasets.patches import extract_patches
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.io import fill_values, read_frames, zenodo
from vaerun.data.io.axes import letter_faults
from vaerun.data.lazy.preprocessing import spread
from vaerun.microscopy import atom_finder, rings
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.bonds import threefold_phase
from vaerun.microscopy.detection_score import WITHIN_A, matches
from vaerun.microscopy.find_atoms import find_atoms
from vaerun.microscopy.frame import Frame, brightness
from vaerun.microscopy.graphene import LARGEST_RING, SMALLEST_RING
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.rescale import at_scale
from vaerun.microscopy.simulation.movie import Scenario, Truth
from vaerun.microscopy.simulation.simulate import simulated
from vaerun.microscopy.simulation.stem_imaging import Optics
from vaerun.utils.errors import UserError, format_value, raise_all

_STREAM = 4  # of random numbers, for the choice of labelled images


@dataclass(frozen=True, kw_only=True, slots=True)
class GrapheneConfig(PatchesConfig):
    """Keys of `data=graphene`, beyond those of all patches."""

    source: str = field(
        "where frames come from if data.path is null", choices=["simulated", "zenodo"]
    )
    movies: list[int] | None = field(
        "numbers of the simulated movies (null: 0) or of the public ones (null: all)", min=0
    )
    val_movies: list[int] | None = field(
        "other simulated movies to validate on; null: frames of the same", min=0
    )
    n_frames: int = field("frames of each simulated movie", min=2)
    frame_px: int = field("side of simulated frames, in pixels of 0.14 Å", min=64)
    dose: float = field("electrons at the peak of a simulated carbon atom", above=0, max=10_000)
    channel: str = field(
        "what patches show: the atom finder's probability of an atom, or the frame",
        choices=["probability", "raw"],
    )
    ring_classes: list[str] = field("classes of atoms, by the rings that share them")
    smallest_ring: int = field(
        "atoms in the smallest ring that counts for a class", min=SMALLEST_RING, max=LARGEST_RING
    )
    largest_ring: int = field(
        "atoms in the largest ring that counts for a class", min=SMALLEST_RING, max=LARGEST_RING
    )
    labelled_share: float = field(
        "share of the images of each class with a label, for models that learn them",
        above=0,
        max=1,
    )

    def __post_init__(self) -> None:
        rings.check_classes(self.ring_classes)
        own, public = self.path is not None, self.source == "zenodo"
        faults = list(letter_faults(self.axes))
        if self.smallest_ring > self.largest_ring:
            what = f"data.smallest_ring={self.smallest_ring} is above data.largest_ring="
            faults.append(UserError(f"{what}{self.largest_ring}", "lower it"))
        if own and public:
            what = f"data.path={self.path} and data.source=zenodo are two sources of frames"
            faults.append(UserError(what, "leave one of them out"))
        if self.movies == []:
            faults.append(UserError("data.movies=[] leaves no movie", "give one, as in [0]"))
        if self.val_movies is not None and (own or public):
            movies = format_value(self.val_movies)
            what = f"data.val_movies={movies} are simulated, unlike the others"
            faults.append(UserError(what, "leave it out: data.val_share is held back"))
        elif both := set(self.val_movies or ()) & set(self.movies or [0]):
            what = f"data.val_movies={format_value(self.val_movies)}: {min(both)} is trained on"
            faults.append(UserError(what, "give others"))
        raise_all(faults)


def load(config: GrapheneConfig, seed: int) -> Splits:
    """Patches around atoms, or around the other centres that the config selects."""
    return extract_patches(patch_source(config), config, seed)


def load_labelled(config: GrapheneConfig, seed: int, splits: Splits) -> ImageSet:
    """A random share of the training images of each class, labelled by their rings."""
    if config.centres != "atoms":
        what = f"data.centres={config.centres} gives patches of no class"
        raise UserError(what, "use data.centres=atoms, or model=rvae or jrvae")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    label = splits.train.label.numpy()
    rows = [np.zeros(0, np.int64)]
    for number in range(len(config.ring_classes)):
        of_class = np.flatnonzero(label == number)
        n = int(np.ceil(config.labelled_share * len(of_class)))
        rows.append(rng.choice(of_class, n, replace=False))
    chosen = np.sort(np.concatenate(rows))
    if not len(chosen):
        what = "no training image is of any class in data.ring_classes"
        raise UserError(what, "name other classes")
    return splits.train.select(torch.from_numpy(chosen))


def patch_source(
    config: GrapheneConfig, *, device: torch.device | None = None, progress: bool = True
) -> PatchSource:
    """Frames resampled for the atom finder, their atoms, and true factors if simulated.

    Atoms are detected on this device; None: on a GPU if there is one. With ``data.centres=peaks``
    the finder isn't used: atoms are peaks of the frames, without ring classes, and patches show
    the frames.
    """
    root = Path(config.root).expanduser()
    held_back: list[int] = []
    truths: list[Truth] = []
    if config.path is not None:
        own = read_frames.read(
            config.path,
            config.key,
            config.pixel_size_nm,
            axes=config.axes,
            channel=config.take_channel,
            fills=fill_values.given(config.unmeasured),
            whatever_unit=True,
        )
        frames = at_scale(own, config.pixel_size_nm)
    elif config.source == "zenodo":
        frames = at_scale(zenodo.fetch(root, config.movies), config.pixel_size_nm)
    else:
        frames, held_back, truths = _simulated(config, root, progress=progress)
    if config.centres == "peaks":
        source = patches.patch_source(config, frames, progress=progress)
        assert source.atoms is not None
        return replace(
            source,
            factors=true_factors(source.atoms, truths) if truths else {},
            held_back=held_back or None,
            symmetry=3,  # three bonds look the same after 120°
            whole=config.path is not None,
        )
    probability, detected = find_atoms(frames, root, device, progress=progress)
    atoms = Atoms.of_frames(
        detected,
        [frame.image.shape for frame in frames],
        atom_finder.PIXEL_A,
        config.ring_classes,
        (config.smallest_ring, config.largest_ring),
    )
    raw = config.channel == "raw"
    shown = [brightness(frame.image) for frame in frames] if raw else probability
    return PatchSource(
        frames=frames,
        shown=[spread(torch.from_numpy(image), config.scale) for image in shown],
        atoms=atoms,
        factors=true_factors(atoms, truths) if truths else {},
        classes=config.ring_classes,
        held_back=held_back or None,
        shows_frames=raw and config.scale == "none",
        whole=config.path is not None,
    )


def _simulated(
    config: GrapheneConfig, root: Path, *, progress: bool
) -> tuple[list[Frame], list[int], list[Truth]]:
    """Frames of all movies, the numbers of those for validation, and the truth of each."""
    frames: list[Frame] = []
    held_back: list[int] = []
    truths: list[Truth] = []
    scenario, optics = _scenario(config), Optics(dose=config.dose)
    of_val = dict.fromkeys(config.val_movies or ())
    for number in [*dict.fromkeys(config.movies or [0]), *of_val]:
        of_movie, true = simulated(root, scenario, optics, number, progress=progress)
        if number in of_val:
            held_back += range(len(frames), len(frames) + len(of_movie))
        frames += of_movie
        truths += true
    return frames, held_back, truths


def true_factors(
    atoms: Atoms | LatticeAtoms, truths: Sequence[Truth]
) -> dict[str, npt.NDArray[np.float32]]:
    """True factors of the detected atoms, (N,) each; NaN where unknown or no true atom is near.

    ``angle``: rotation of the bonds in radians, modulo 120°; ``strain``: mean linear strain;
    ``sublattice``, ``ideal`` and ``amorphous``: 0 or 1, see `Truth`.
    """
    names = ("angle", "strain", "sublattice", "ideal", "amorphous")
    values = {name: np.full(len(atoms), np.nan, np.float32) for name in names}
    for number, truth in enumerate(truths):
        rows = np.flatnonzero(atoms.frame == number)
        true_px = truth.position / atom_finder.PIXEL_A - 0.5
        i, j = matches(atoms.position[rows], true_px, WITHIN_A / atom_finder.PIXEL_A)
        rows = rows[i]
        phase = threefold_phase(truth.position, truth.bonds)[j]
        values["angle"][rows] = np.where(np.abs(phase) > 0.5, np.angle(phase) / 3, np.nan)
        values["strain"][rows] = truth.strain[j]
        sublattice = truth.sublattice[j]
        values["sublattice"][rows] = np.where(sublattice >= 0, sublattice, np.nan)
        values["ideal"][rows] = truth.ideal[j]
        values["amorphous"][rows] = truth.amorphous[j]
    return values


def _scenario(config: GrapheneConfig) -> Scenario:
    """The default scenario, adapted to the size and number of frames: fewer are longer apart."""
    side = config.frame_px * atom_finder.PIXEL_A
    length = config.frame_px / 512  # over the frames of the default scenario
    area, full = length**2, Scenario()
    step = full.n_frames / config.n_frames
    holes = max(round(full.holes * area), 1)
    return Scenario(
        n_frames=config.n_frames,
        height=side,
        width=side,
        silicon=round(full.silicon * area),
        fourfold=round(full.fourfold * area),
        hop=1 - (1 - full.hop) ** step,
        rotations=(round(full.rotations[0] * area), full.rotations[1] * area * step),
        vacancies=(round(full.vacancies[0] * area), full.vacancies[1] * area * step),
        holes=holes,
        growth=full.growth * area * full.holes / holes * step,
        amorphous=full.amorphous * length,
        grain=full.grain * length,
        drift=full.drift * step**0.5,
    )
