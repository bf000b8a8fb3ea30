"""Circular statistics: agreement and error of angles after the best constant offset.

An angle encoder is right up to a constant, since its canonical orientation is arbitrary, and, for
an object that looks the same after a turn by 2π/s, modulo 2π/s. All functions allow for both.
"""

from collections.abc import Sequence
from math import gcd

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# N angles in radians. symmetry s: the object looks the same after a turn by 2π/s.


def wrap(angle: npt.ArrayLike, period: float = 2 * np.pi) -> Array:
    """The angle modulo the period, in [−period/2, period/2)."""
    half = period / 2
    return np.remainder(np.asarray(angle, dtype=np.float64) + half, period) - half


def common_symmetry(symmetry: Sequence[int]) -> int:
    """Order of the rotational symmetry that all classes share; 1 without classes."""
    return gcd(*symmetry) or 1


def resultant(difference: npt.ArrayLike, symmetry: int = 1) -> float:
    """Length of the mean of exp(i·s·difference) over (N,) angles: 1 all equal, 0 uniform."""
    turns = np.asarray(difference, dtype=np.float64) * symmetry
    return float(np.abs(np.exp(1j * turns).mean()))


def best_offset(difference: npt.ArrayLike, symmetry: int = 1) -> tuple[float, float]:
    """The circular median of the differences, and the mean absolute error about it.

    Parameters
    ----------
    difference
        (N,) encoded minus true angle, N >= 1.
    symmetry
        s: errors count modulo 2π/s, so none exceeds π/s.

    Returns
    -------
    tuple of float
        The offset in [−π/s, π/s), and the least mean absolute circular error.

    Notes
    -----
    On a circle of length P the mean distance to c is piecewise linear in c, with its convex kinks
    at the data, so its minimum is at one of them. Distances from every datum to all others
    come from one sort and one cumulative sum: exact, in N log N.
    """
    period = 2 * np.pi / symmetry
    x = np.sort(np.remainder(np.asarray(difference, dtype=np.float64), period))  # (N,)
    n = len(x)
    around = np.concatenate([x, x + period])  # (2N,), two periods of the data
    total = np.concatenate([[0.0], np.cumsum(around)])  # (2N + 1,)
    first = np.arange(n)
    middle = np.searchsorted(around, x + period / 2, side="right")
    middle = np.clip(middle, first, first + n)
    ahead = total[middle] - total[first] - (middle - first) * x
    behind = (first + n - middle) * (x + period) - (total[first + n] - total[middle])
    cost = (ahead + behind) / n
    best = int(np.argmin(cost))
    return float(wrap(x[best], period)), max(float(cost[best]), 0.0)


def mean_absolute_error(difference: npt.ArrayLike, symmetry: int = 1) -> float:
    """Mean absolute circular error after the best constant offset, radians."""
    return best_offset(difference, symmetry)[1]


def rotation_sense(angle: npt.ArrayLike, truth: npt.ArrayLike, symmetry: int = 1) -> float:
    """R(angle − truth) − R(angle + truth) of encoded and true angles (N,), R being `resultant`.

    It is near 1 if the encoded angle turns with the object, near −1 if against it.
    """
    angle, truth = np.asarray(angle, np.float64), np.asarray(truth, np.float64)
    return resultant(angle - truth, symmetry) - resultant(angle + truth, symmetry)
