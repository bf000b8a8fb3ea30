"""Positions of patches in their frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PatchLocation:
    """Positions of N patches in their frames, named as in `latents.h5`.

    Attributes
    ----------
    frame
        (N,) number of the frame; of the first one if the channels of a patch are several frames.
    centre
        (N, 2) float32 row and column, pixels of the frame.
    species
        (N,) chemical species of the atom at the centre, −1 where unknown.
    ring_class
        (N,) class of the rings at the centre, −1 where unknown.
    track
        (N,) number of the atom at the centre, the same in all frames, −1 where unknown.
    """

    frame: Ints
    centre: npt.NDArray[np.float32]
    species: Ints
    ring_class: Ints
    track: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.frame)

    def __post_init__(self) -> None:
        n = len(self.frame)
        if not len(self.track):
            object.__setattr__(self, "track", np.full(n, -1))
        assert self.centre.shape == (n, 2), self.centre.shape
        assert len(self.species) == len(self.ring_class) == len(self.track) == n

    def select(self, index: slice | npt.NDArray[Any]) -> "PatchLocation":
        """Locations at a slice, positions (n,) or a boolean mask (N,)."""
        return PatchLocation(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence["PatchLocation"]) -> "PatchLocation":
        """Locations of several sets, one after the other."""
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        )

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays by name, without species, ring class or track if unknown for all patches."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        absent = [
            name for name in ("species", "ring_class", "track") if not (arrays[name] >= 0).any()
        ]
        return {name: values for name, values in arrays.items() if name not in absent}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "PatchLocation":
        """Locations from the arrays that `to_arrays` returned."""
        unknown = np.full(len(arrays["frame"]), -1)
        return cls(**({"species": unknown, "ring_class": unknown} | dict(arrays)))
