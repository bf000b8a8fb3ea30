"""`task=atoms`: frames → atoms, their species, rings and classes, and an overlay of each frame.

vaerun task=atoms data=graphene data.path=frames/
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from vaerun.data.datasets.graphene import GrapheneConfig, patch_source
from vaerun.data.datasets.patches import PatchSource
from vaerun.evaluation.figures.atom_overlay import save_overlay
from vaerun.microscopy.atoms import write_atoms
from vaerun.microscopy.frame import in_file
from vaerun.microscopy.graphene import SILICON
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import print_table, show_log
from vaerun.training.hardware import Hardware
from vaerun.utils import provenance
from vaerun.utils.errors import UserError
from vaerun.utils.progress import bar


def atoms(config: RunConfig, job: RunRequest) -> Path:
    """Find the atoms of all frames; returns the run folder with `atoms.h5` and `figures/`.

    Raises
    ------
    UserError
        If the data set is no graphene, or its frames cannot be read.
    """
    if not isinstance(config.data, GrapheneConfig):
        raise UserError(
            f"task=atoms finds no atoms in data={config.data.name}",
            "use data=graphene, with data.path= for your own frames",
        )
    console = Console()
    show_log(console)
    hardware = Hardware.find(config.trainer)
    found = patch_source(
        config.data, device=hardware.torch_device, progress=config.trainer.progress
    )
    assert found.atoms is not None
    folder = create_run_folder(config.out, "atoms", config.data.name)
    about = RunFacts(
        device=hardware.device,
        data_fingerprint=manifest.fingerprint([torch.from_numpy(f.image) for f in found.frames]),
    )
    with manifest.recorded(folder, job, about):
        attributes = {
            "vaerun_version": provenance.version(),
            "ring_classes": list(found.classes),
        }
        position = in_file(found.atoms.position, found.atoms.frame, found.frames)
        table = dataclasses.replace(found.atoms, position=position)
        write_atoms(folder.path / "atoms.h5", table, found.frames, attributes)
        n_frames = len(found.frames)
        for number in bar(
            range(n_frames), "drawing frames", n_frames, shown=config.trainer.progress
        ):
            save_overlay(found, number, folder.figures / f"atoms_{number}.png")
    print_table(console, _summary(found))
    return folder.path


def _summary(scene: PatchSource) -> list[tuple[str, str]]:
    assert scene.atoms is not None
    n_silicon = int((scene.atoms.species == SILICON).sum())
    counts = np.bincount(scene.atoms.ring_class + 1, minlength=len(scene.classes) + 1)
    classes = ", ".join(
        f"{name} {n:,}" for name, n in zip(("none", *scene.classes), counts, strict=True)
    )
    return [
        ("frames", f"{len(scene.frames):,}"),
        ("atoms", f"{len(scene.atoms):,}, of them {n_silicon:,} Si"),
        ("classes", classes),
    ]
