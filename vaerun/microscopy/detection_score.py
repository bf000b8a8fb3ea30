"""Detected against true atoms: F1 by species, and the error of the positions."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

WITHIN_A = 0.5  # Å from a detected atom to the true one that it matches, at most

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts over frames; scores of several frames are added.

    Attributes
    ----------
    right, detected, true
        (2,) numbers of C and Si atoms: matched in place and species, detected, true.
    squared
        Sum of the squared distances of all matches, Å².
    n_matched
        Matches in place, of either species.
    """

    right: Ints
    detected: Ints
    true: Ints
    squared: float
    n_matched: int

    def __add__(self, other: "Score") -> "Score":
        names = [field.name for field in fields(self)]
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def f1(self) -> Floats:
        """(2,) F1 of C and of Si: harmonic mean of precision and recall."""
        return 2 * self.right / np.maximum(self.detected + self.true, 1)

    @property
    def rms_A(self) -> float:
        """Root mean square distance of matched atoms, Å."""
        return float(np.sqrt(self.squared / max(self.n_matched, 1)))


def score(
    detected: Floats, species: Ints, true: Floats, true_species: Ints, pixel_A: float
) -> Score:
    """The score of one frame: detected positions (N, 2) against true ones (M, 2), in pixels."""
    i, j = matches(detected, true, WITHIN_A / pixel_A)
    same = species[i] == true_species[j]
    squared = ((detected[i] - true[j]) ** 2).sum() * pixel_A**2
    return Score(
        right=np.bincount(species[i][same], minlength=2),
        detected=np.bincount(species, minlength=2),
        true=np.bincount(true_species, minlength=2),
        squared=float(squared),
        n_matched=len(i),
    )


def matches(detected: Floats, true: Floats, within: float) -> tuple[Ints, Ints]:
    """Indices of detected and of true positions that are each other's nearest, and near enough."""
    if not len(detected) or not len(true):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    away, to_true = cKDTree(true).query(detected)
    _, back = cKDTree(detected).query(true)
    mutual = (back[to_true] == np.arange(len(detected))) & (away <= within)
    return np.flatnonzero(mutual), to_true[mutual]
