"""The table of the atoms of all frames, with their bonds, rings and classes; `atoms.h5`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.microscopy import rings
from vaerun.microscopy.atom_finder import DetectedAtoms
from vaerun.microscopy.bonds import RULE_A, find_bonds, neighbours
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.graphene import LARGEST_RING, SMALLEST_RING
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.utils.files import atomic_path

RING_REACH_A = 2.9  # Å across a ring of six carbon atoms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Atoms:
    """N atoms of several frames, frame by frame; `atoms.h5` has data sets of the same names.

    Attributes
    ----------
    frame
        (N,) number of the frame.
    position
        (N, 2) row and column, pixels of the frame.
    species
        (N,) `CARBON` or `SILICON`.
    confidence
        (N,) mean probability of an atom at its pixels, in [0, 1].
    ring_sizes
        (N, 4) sizes of the rings that share the atom, ascending, 0 after the last.
    ring_class
        (N,) class by these rings; −1 for none, or nearer to the border than a ring is wide.
    neighbours
        (N, 4) rows of this table that hold the bonded atoms, −1 after the last.
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
        detected: Sequence[DetectedAtoms],
        shapes: Sequence[tuple[int, ...]],
        pixel_A: float,
        names: Sequence[str],
        counted: tuple[int, int] = (SMALLEST_RING, LARGEST_RING),
    ) -> "Atoms":
        """The table of detected atoms.

        Parameters
        ----------
        detected
            Atoms of each frame.
        shapes
            (H, W) of each frame.
        pixel_A
            Å a pixel.
        names
            Names of the classes, see `rings.classify`.
        counted
            Sizes of the smallest and largest ring that count for a class; the paper's are 5 to 7.
        """
        parts, n_before = [], 0
        for number, (atoms, shape) in enumerate(zip(detected, shapes, strict=True)):
            part = _columns(atoms, pixel_A, names, counted)
            part["frame"] = np.full(len(atoms.position), number)
            part["neighbours"][part["neighbours"] >= 0] += n_before
            depth = np.minimum(atoms.position + 0.5, np.array(shape) - 0.5 - atoms.position).min(1)
            part["ring_class"][depth * pixel_A < RING_REACH_A] = -1  # rings may be cut
            parts.append(part)
            n_before += len(atoms.position)
        return cls(**{f.name: np.concatenate([p[f.name] for p in parts]) for f in fields(cls)})


def _columns(
    atoms: DetectedAtoms, pixel_A: float, names: Sequence[str], counted: tuple[int, int]
) -> dict[str, Any]:
    """The columns of `Atoms` for one frame, but for ``frame``; ``neighbours`` within the frame."""
    n = len(atoms.position)
    longest, with_si = RULE_A.longest / pixel_A, RULE_A.silicon_longest / pixel_A
    rule = replace(RULE_A, longest=longest, silicon_longest=with_si)
    bonds = find_bonds(atoms.position, rule, atoms.species)
    sizes = rings.ring_sizes(rings.find_rings(atoms.position, bonds), n)
    return {
        "position": atoms.position,
        "species": atoms.species,
        "confidence": atoms.confidence,
        "ring_sizes": sizes,
        "ring_class": rings.classify(rings.restrict_sizes(sizes, *counted), names),
        "neighbours": neighbours(bonds, n),
    }


def write_atoms(
    path: Path, atoms: Atoms | LatticeAtoms, frames: Sequence[Frame], attributes: dict[str, Any]
) -> None:
    """Write `atoms.h5` atomically: the columns of the table, and two data sets of the frames.

    These are ``frame_name`` and ``frame_pixel_size_nm`` (F,), NaN where unknown; attributes of
    HDF5 would be too small for them.
    """
    size = [np.nan if f.file_pixel_nm is None else f.file_pixel_nm for f in frames]
    with atomic_path(path) as unfinished, h5py.File(unfinished, "w") as file:
        for f in fields(atoms):
            values = getattr(atoms, f.name)
            as_type = np.float32 if values.dtype.kind == "f" else np.int64
            file.create_dataset(f.name, data=values.astype(as_type))
        file.create_dataset("frame_name", data=[f.name for f in frames], dtype=h5py.string_dtype())
        file.create_dataset("frame_pixel_size_nm", data=np.array(size, np.float64))
        file.attrs.update(attributes)
