"""`task=atoms`: frames → atoms, their species, rings and classes, and an overlay of each frame.

vaerun task=atoms data=graphene data.path=frames/
"""

from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from vaerun import manifest, provenance, runs
from vaerun.analysis.figures.overlay import save_overlay
from vaerun.config import RunConfig
from vaerun.data.graphene import GrapheneConfig, scene
from vaerun.data.scenes import Scene
from vaerun.errors import UserError
from vaerun.hardware import Hardware
from vaerun.manifest import About, Job
from vaerun.microscopy.atoms import Atoms, write_atoms
from vaerun.microscopy.lattice import rescale
from vaerun.terminal import print_table, show_log


def atoms(config: RunConfig, job: Job) -> Path:
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
    found = scene(config.data)
    assert found.atoms is not None
    folder = runs.claim(config.out, "atoms", config.data.name)
    about = About(
        device=Hardware.find(config.trainer).device,
        data_fingerprint=manifest.fingerprint([torch.from_numpy(f.image) for f in found.frames]),
    )
    with manifest.record(folder, job, about):
        attributes = {
            "vaerun_version": provenance.version(),
            "pixel_size_nm": _pixel_nm(found),
            "frame_names": [frame.name for frame in found.frames],
            "ring_classes": list(found.classes),
        }
        write_atoms(folder.path / "atoms.h5", _in_pixels_of_the_file(found), attributes)
        for number in track(range(len(found.frames)), "drawing", console=console, transient=True):
            save_overlay(found, number, folder.figures / f"atoms_{number}.png")
    print_table(console, _summary(found))
    return folder.path


def _in_pixels_of_the_file(scene: Scene) -> Atoms:
    """Atoms at positions in the frames as they were given, before they were resampled."""
    assert scene.atoms is not None
    table = scene.atoms
    position = table.position.copy()
    for number, frame in enumerate(scene.frames):
        here = table.frame == number
        position[here] = rescale(position[here], 1 / frame.scale)
    return Atoms(**{**vars(table), "position": position})


def _pixel_nm(scene: Scene) -> list[float]:
    """Of each frame as it was given."""
    return [float(f.pixel_nm * f.scale) for f in scene.frames if f.pixel_nm is not None]


def _summary(scene: Scene) -> list[tuple[str, str]]:
    assert scene.atoms is not None
    n_silicon = int((scene.atoms.species == 1).sum())
    counts = np.bincount(scene.atoms.ring_class + 1, minlength=len(scene.classes) + 1)
    classes = ", ".join(
        f"{name} {n:,}" for name, n in zip(("none", *scene.classes), counts, strict=True)
    )
    return [
        ("frames", f"{len(scene.frames):,}"),
        ("atoms", f"{len(scene.atoms):,}, of them {n_silicon:,} Si"),
        ("classes", classes),
    ]
