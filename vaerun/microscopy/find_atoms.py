"""The atoms of all frames, detected once and cached on disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vaerun.microscopy import atom_finder
from vaerun.microscopy.atom_finder import DetectedAtoms
from vaerun.microscopy.frame import Frame
from vaerun.utils.arrays import Arrays, cached
from vaerun.utils.devices import quick_at_bfloat16
from vaerun.utils.progress import bar

_VERSION = 1  # of the cached arrays; raise it when the same frames give others
_COLUMNS = ("position", "species", "confidence")

Image = npt.NDArray[np.float32]


def find_atoms(
    frames: Sequence[Frame],
    root: Path,
    device: torch.device | None = None,
    *,
    progress: bool = True,
) -> tuple[list[Image], list[DetectedAtoms]]:
    """Probability of an atom at each pixel (H, W), rounded to 1/255, and the atoms of each frame.

    Parameters
    ----------
    frames
        At the scale of the atom finder, `atom_finder.PIXEL_A`.
    root
        The data folder, in which the result is cached.
    device
        Where the network runs; None: on a GPU if there is one.
    progress
        Whether to show a progress bar.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mixed = quick_at_bfloat16("gpu" if device.type == "cuda" else "cpu")
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(repr(frame.image.shape).encode() + frame.image.tobytes())
    key = {
        "version": _VERSION,
        "frames": digest.hexdigest(),
        "finder": hashlib.sha256(atom_finder.WEIGHTS.read_bytes()).hexdigest(),
        "mixed": mixed,
    }
    arrays = cached(
        root / "graphene",
        "atoms",
        key,
        lambda: _detect(frames, device, mixed=mixed, progress=progress),
    )
    ends = np.cumsum(arrays["n_atoms"])[:-1]
    parts = {name: np.split(arrays[name], ends) for name in _COLUMNS}
    detected = [
        DetectedAtoms(**{name: part[i] for name, part in parts.items()})
        for i in range(len(frames))
    ]
    images = [
        np.divide(arrays[f"probability_{i}"], 255, dtype=np.float32) for i in range(len(frames))
    ]
    return images, detected


def _detect(
    frames: Sequence[Frame], device: torch.device, *, mixed: bool, progress: bool
) -> Arrays:
    network = atom_finder.load_network(device)
    arrays: dict[str, Any] = {}
    detected = []
    for i, frame in enumerate(bar(frames, "finding atoms in frames", len(frames), shown=progress)):
        probability = atom_finder.segment(network, frame.image, mixed=mixed)
        detected.append(atom_finder.atoms(probability))
        arrays[f"probability_{i}"] = (255 * probability.sum(0).clip(0, 1)).round().astype(np.uint8)
    return {
        **arrays,
        "n_atoms": np.array([len(atoms.position) for atoms in detected]),
        **{k: np.concatenate([getattr(atoms, k) for atoms in detected]) for k in _COLUMNS},
    }
