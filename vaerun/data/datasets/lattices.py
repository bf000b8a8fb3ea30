"""`data=lattices`: patches around the atoms of simulated 2-D crystals, with the truth."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.config.schema import field
from vaerun.data.datasets import patches
from vaerun.data.datasets.patch_grid import PatchSource
from vaerun.data.datasets.patches import extract_patches
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.image_set import Splits
from vaerun.microscopy.detection_score import matches
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.simulation.lattices import (
    CRYSTALS,
    LatticeScene,
    LatticeTruth,
    simulate_lattice,
)
from vaerun.utils.errors import UserError, raise_all

_SPACING_NM = 0.2  # between nearest columns, of all crystals
_WITHIN = 0.3  # spacings from an atom that is found to the true one
_FACTORS = ("sublattice", "brightness", "grain", "angle", "polar", "polar_size", "vacancy")


@dataclass(frozen=True, kw_only=True, slots=True)
class LatticesConfig(PatchesConfig):
    """Keys of `data=lattices`, beyond those of all patches."""

    crystal: str = field("which crystal frames show", choices=list(CRYSTALS))
    n_frames: int = field("simulated frames", min=1)
    frame_px: int = field("side of simulated frames, pixels", min=64)
    spacing_px: float = field("distance of nearest columns, pixels", min=4, max=60)
    grains: int = field("grains of different orientation in each frame", min=1, max=9)
    polar: float = field(
        "largest displacement of the inner columns of a perovskite, in distances of nearest "
        "columns",
        min=0,
        max=0.4,
    )
    vacancies: float = field(
        "share of the lighter columns of a dichalcogenide that lack an atom", min=0, max=0.9
    )
    thickness: float = field("brightness at the thick side of a frame over the thin side", min=1)
    dose: float = field(
        "electrons at the peak of the brightest columns, where the crystal is thin", above=0
    )
    tilt: float = field("change of the background across a frame, over the columns' height", min=0)
    jitter_px: float = field("sd of the shift of scan lines along themselves, pixels", min=0)
    vacuum: float = field("share of each frame that is vacuum", min=0, max=0.7)

    def __post_init__(self) -> None:
        faults = []
        if self.path is not None:
            what = f"data.path={self.path}: the frames of data=lattices are simulated"
            faults.append(UserError(what, "use data=patches for your own"))
        if self.centres == "atoms":
            what = "data.centres=atoms needs atoms, which only data=graphene detects"
            faults.append(UserError(what, "use data.centres=peaks"))
        raise_all(faults)


def load(config: LatticesConfig, seed: int) -> Splits:
    """Patches around the atoms found in simulated frames, or around other centres."""
    return extract_patches(patch_source(config), config, seed)


def patch_source(config: LatticesConfig, *, progress: bool = True) -> PatchSource:
    """Simulated frames, their atoms if patches are centred on these, and what is true of them."""
    scene = LatticeScene(
        crystal=config.crystal,
        spacing_px=config.spacing_px,
        shape=(config.frame_px, config.frame_px),
        grains=config.grains,
        polar=config.polar,
        vacancies=config.vacancies,
        thickness=config.thickness,
        dose=config.dose,
        tilt=config.tilt,
        jitter_px=config.jitter_px,
        vacuum=config.vacuum,
    )
    made = [
        simulate_lattice(scene, np.random.default_rng((number, 2)))
        for number in range(config.n_frames)
    ]
    pixel_nm = _SPACING_NM / config.spacing_px
    frames = [
        Frame(image=one.image, pixel_nm=pixel_nm, name=f"{config.crystal} {number}")
        for number, one in enumerate(made)
    ]
    source = patches.patch_source(config, frames, progress=progress)
    if not isinstance(source.atoms, LatticeAtoms):
        return source
    factors = true_factors(source.atoms, [one.truth for one in made], config.spacing_px)
    return dataclasses.replace(source, factors=factors, symmetry=CRYSTALS[config.crystal].symmetry)


def true_factors(
    atoms: LatticeAtoms, truths: Sequence[LatticeTruth], spacing_px: float
) -> dict[str, npt.NDArray[np.float32]]:
    """True factors of the atoms that were found, (N,) each, named as in `LatticeTruth`.

    NaN where no true atom is near; factors that are known of none are left out.
    """
    values = {name: np.full(len(atoms), np.nan, np.float32) for name in _FACTORS}
    for number, truth in enumerate(truths):
        rows = np.flatnonzero(atoms.frame == number)
        i, j = matches(atoms.position[rows], truth.position, _WITHIN * spacing_px)
        for name, column in values.items():
            column[rows[i]] = getattr(truth, name)[j]
    return {name: column for name, column in values.items() if np.isfinite(column).any()}
