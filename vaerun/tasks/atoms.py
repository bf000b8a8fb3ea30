"""`task=atoms`: frames → atoms, what is known of each, and an overlay of each frame.

vaerun task=atoms data=graphene data.path=frames/
vaerun task=atoms data=patches data.centres=peaks data.path=frames/
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from vaerun.data.datasets import graphene, lattices, patches
from vaerun.data.datasets.graphene import GrapheneConfig
from vaerun.data.datasets.lattices import LatticesConfig
from vaerun.data.datasets.own_frames import own_frames
from vaerun.data.datasets.patch_grid import PatchSource
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.evaluation.figures.atom_overlay import save_overlay
from vaerun.microscopy.atoms import write_atoms
from vaerun.microscopy.frame import in_file
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import open_console, print_table
from vaerun.training.hardware import Hardware
from vaerun.utils import provenance
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError
from vaerun.utils.progress import bar


def atoms(config: RunConfig, request: RunRequest) -> Path:
    """Find the atoms of all frames; returns the run folder with `atoms.h5` and `figures/`.

    Raises
    ------
    UserError
        If the data set has no atoms, or its frames cannot be read.
    """
    console = open_console()
    hardware = Hardware.find(config.trainer)
    source = _source(config, hardware)
    if source is None or source.atoms is None:
        raise UserError(
            f"task=atoms finds no atoms in data={config.data.name}",
            "use data=graphene, or data=patches data.centres=peaks, with data.path= for your own "
            "frames",
        )
    folder = create_run_folder(config.out, "atoms", config.data.name)
    facts = RunFacts(
        device=hardware.device,
        data_fingerprint=fingerprint([torch.from_numpy(f.image) for f in source.frames]),
    )
    with manifest.recorded(folder, request, facts):
        attributes = {
            "vaerun_version": provenance.version(),
            **({"ring_classes": list(source.classes)} if source.classes else {}),
        }
        position = in_file(source.atoms.position, source.atoms.frame, source.frames)
        table = dataclasses.replace(source.atoms, position=position)
        if isinstance(table, LatticeAtoms):
            table = table.in_intensities([frame.window for frame in source.frames])
        write_atoms(folder.path / "atoms.h5", table, source.frames, attributes)
        n_frames = len(source.frames)
        for number in bar(
            range(n_frames), "drawing frames", n_frames, shown=config.trainer.progress
        ):
            save_overlay(source, number, folder.figures / f"atoms_{number}.png")
    print_table(console, _summary(source))
    return folder.path


def _source(config: RunConfig, hardware: Hardware) -> PatchSource | None:
    """The frames and their atoms; None for a data set without frames."""
    progress = config.trainer.progress
    if isinstance(config.data, GrapheneConfig):
        return graphene.patch_source(config.data, device=hardware.torch_device, progress=progress)
    if isinstance(config.data, LatticesConfig):
        return lattices.patch_source(config.data, progress=progress)
    if isinstance(config.data, PatchesConfig) and config.data.centres == "peaks":
        return patches.patch_source(config.data, own_frames(config.data), progress=progress)
    return None


def _summary(source: PatchSource) -> list[tuple[str, str]]:
    assert source.atoms is not None
    if isinstance(source.atoms, LatticeAtoms):
        counts = np.bincount(source.atoms.species)
        kinds = ", ".join(f"{n:,} on {j}" for j, n in enumerate(counts))
        return [
            ("frames", f"{len(source.frames):,}"),
            ("atoms", f"{len(source.atoms):,}"),
            ("sublattices", kinds),
        ]
    n_silicon = int((source.atoms.species == SILICON).sum())
    counts = np.bincount(source.atoms.ring_class + 1, minlength=len(source.classes) + 1)
    classes = ", ".join(
        f"{name} {n:,}" for name, n in zip(("none", *source.classes), counts, strict=True)
    )
    return [
        ("frames", f"{len(source.frames):,}"),
        ("atoms", f"{len(source.atoms):,}, of them {n_silicon:,} Si"),
        ("classes", classes),
    ]
