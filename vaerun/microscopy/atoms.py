"""The atoms of all frames, with the rings they stand in: a table, and `atoms.h5`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.microscopy import rings
from vaerun.microscopy.atom_finder import DetectedAtoms
from vaerun.microscopy.bonds import RULE_A, BondRule, within
from vaerun.microscopy.frame import Frame
from vaerun.utils.files import atomic_path

RING_REACH_A = 2.9  # across a ring of six carbon atoms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Atoms:
    """Atoms of several frames, N in all, those of a frame together; named as in `atoms.h5`.

    Attributes
    ----------
    frame
        (N,) number of the frame.
    position
        (N, 2) row and column, pixels of the frame.
    species
        (N,) 0 C, 1 Si.
    confidence
        (N,) in [0, 1].
    ring_sizes
        (N, 4) ascending, 0 after the last.
    ring_class
        (N,) −1 for none, or nearer to the border than a ring reaches.
    neighbours
        (N, 4) rows of this table, −1 after the last.
    """

    frame: Ints
    position: Floats
    species: Ints
    confidence: Floats
    ring_sizes: Ints
    ring_class: Ints
    neighbours: Ints

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def of_frames(
        cls,
        found: Sequence[DetectedAtoms],
        shapes: Sequence[tuple[int, ...]],
        pixel_A: float,
        names: Sequence[str],
        counted: tuple[int, int] = (rings.SMALLEST, rings.LARGEST),
    ) -> "Atoms":
        """Bonds, rings and classes of the atoms that were found, frame by frame.

        Parameters
        ----------
        found
            Of each frame.
        shapes
            (H, W) of each frame.
        pixel_A
            Å a pixel.
        names
            The classes, see `rings.classify`.
        counted
            The smallest and the largest ring that counts for a class; the paper's are 5 to 7.
        """
        parts, n_before = [], 0
        for number, (atoms, shape) in enumerate(zip(found, shapes, strict=True)):
            part = _graph(atoms, pixel_A, names, counted, number, n_before)
            # what lies beyond the border is not known, and so no class that depends on it
            part["ring_class"][_depth(atoms.position, shape) * pixel_A < RING_REACH_A] = -1
            parts.append(part)
            n_before += len(atoms.position)
        return cls(**{f.name: np.concatenate([p[f.name] for p in parts]) for f in fields(cls)})


def _graph(
    atoms: DetectedAtoms,
    pixel_A: float,
    names: Sequence[str],
    counted: tuple[int, int],
    frame: int,
    n_before: int,
) -> dict[str, Any]:
    """The columns of one frame's atoms."""
    n = len(atoms.position)
    rule = BondRule(
        longest=RULE_A.longest / pixel_A,
        most=RULE_A.most,
        dopant_longest=RULE_A.dopant_longest / pixel_A,
        dopant_most=RULE_A.dopant_most,
    )
    bonds = rings.bonds(atoms.position, rule, atoms.species)
    found = rings.find_rings(atoms.position, bonds)
    sizes = rings.ring_sizes(found, n)
    near = rings.neighbours(bonds, n)
    return {
        "frame": np.full(n, frame),
        "position": atoms.position,
        "species": atoms.species,
        "confidence": atoms.confidence,
        "ring_sizes": sizes,
        "ring_class": rings.classify(within(sizes, *counted), names),
        "neighbours": np.where(near >= 0, near + n_before, -1),
    }


def _depth(position: Floats, shape: tuple[int, ...]) -> Floats:
    """Pixels from each atom to the nearest border of its frame, (N,)."""
    return np.minimum(position + 0.5, np.array(shape) - 0.5 - position).min(1)


def write_atoms(
    path: Path, atoms: Atoms, frames: Sequence[Frame], attributes: dict[str, Any]
) -> None:
    """Write `atoms.h5`, whole or not at all.

    Beside the columns of the atoms, ``frame_name`` and ``frame_pixel_size_nm`` (F,), NaN where it
    is not known; these are data sets, since attributes of HDF5 are small.
    """
    size = [np.nan if f.file_pixel_nm is None else f.file_pixel_nm for f in frames]
    with atomic_path(path) as unfinished, h5py.File(unfinished, "w") as file:
        for f in fields(Atoms):
            values = getattr(atoms, f.name)
            as_type = np.float32 if values.dtype.kind == "f" else np.int64
            file.create_dataset(f.name, data=values.astype(as_type))
        file.create_dataset("frame_name", data=[f.name for f in frames], dtype=h5py.string_dtype())
        file.create_dataset("frame_pixel_size_nm", data=np.array(size, np.float64))
        file.attrs.update(attributes)
