"""How well found atoms match true ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

WITHIN_A = 0.5  # Å: found atoms count as right this near to a true one

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts over frames, which add up.

    Attributes
    ----------
    right, found, true
        (2,) of C and of Si: matched in place and species, found in all, true in all.
    squared
        Sum of the squared distances of all matches, Å².
    n_matched
        Matches in place, whatever their species.
    """

    right: Ints
    found: Ints
    true: Ints
    squared: float
    n_matched: int

    def __add__(self, other: "Score") -> "Score":
        return Score(
            right=self.right + other.right,
            found=self.found + other.found,
            true=self.true + other.true,
            squared=self.squared + other.squared,
            n_matched=self.n_matched + other.n_matched,
        )

    @property
    def f1(self) -> Floats:
        """(2,) F1 of C and of Si: harmonic mean of precision and recall."""
        return 2 * self.right / np.maximum(self.found + self.true, 1)

    @property
    def rms_A(self) -> float:
        """Root mean square distance of matched atoms, Å."""
        return float(np.sqrt(self.squared / max(self.n_matched, 1)))


def score(
    found: Floats, found_species: Ints, true: Floats, true_species: Ints, pixel_A: float
) -> Score:
    """Compare found positions (N, 2) with true ones (M, 2), both in pixels."""
    at_found, at_true = matches(found, true, WITHIN_A / pixel_A)
    same = found_species[at_found] == true_species[at_true]
    squared = ((found[at_found] - true[at_true]) ** 2).sum() * pixel_A**2
    return Score(
        right=np.bincount(found_species[at_found][same], minlength=2),
        found=np.bincount(found_species, minlength=2),
        true=np.bincount(true_species, minlength=2),
        squared=float(squared),
        n_matched=len(at_found),
    )


def matches(found: Floats, true: Floats, within: float) -> tuple[Ints, Ints]:
    """Pairs of found and true positions that are each other's nearest, and near enough."""
    if not len(found) or not len(true):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    away, to_true = cKDTree(true).query(found)
    _, to_found = cKDTree(found).query(true)
    mutual = (to_found[to_true] == np.arange(len(found))) & (away <= within)
    return np.flatnonzero(mutual), to_true[mutual]
