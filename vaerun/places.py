"""Where patches lie: frame, centre and what stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where each of N patches was cut out, named as in `latents.h5`.

    Attributes
    ----------
    frame
        (N,) number of its frame; the first, where its channels are several.
    centre
        (N, 2) float32 row and column, pixels of the frame.
    species
        (N,) chemical species of the atom at the centre, −1 where unknown.
    ring_class
        (N,) class of the ring at the centre, −1 where there is none.
    """

    frame: Ints
    centre: npt.NDArray[np.float32]
    species: Ints
    ring_class: Ints

    def __len__(self) -> int:
        return len(self.frame)

    def __post_init__(self) -> None:
        n = len(self.frame)
        assert self.centre.shape == (n, 2), self.centre.shape
        assert len(self.species) == len(self.ring_class) == n

    def select(self, index: slice | npt.NDArray[Any]) -> "Place":
        """Those of a slice, of positions or of a boolean mask (N,)."""
        return Place(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence["Place"]) -> "Place":
        """The places of several sets, one after the other."""
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        )

    def known(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays by name, without species or ring class where none is known."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        absent = [name for name in ("species", "ring_class") if not (arrays[name] >= 0).any()]
        return {name: values for name, values in arrays.items() if name not in absent}

    @classmethod
    def from_known(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Place":
        """Back from `known`."""
        unknown = np.full(len(arrays["frame"]), -1)
        return cls(**({"species": unknown, "ring_class": unknown} | dict(arrays)))
