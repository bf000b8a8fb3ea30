"""Angle errors where a factor trades with the angle: an offset that varies along the factor.

A sheared object has no single canonical orientation: its principal axes turn with the shear, and
a model that turns with them is not wrong. The offset is then a smooth function of the shear, here
a cubic.
"""

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import Array, best_offset, wrap

# N images, B bins along the factor, A candidate offsets. Angles in radians, times the symmetry.

BINS = 64
STARTS = 8
STEPS = 40
SHARPEST = 0.02  # rad; images nearer than this to the curve weigh the same


def error_given_factor(
    difference: npt.ArrayLike, factor: npt.ArrayLike, symmetry: int = 1
) -> float:
    """Mean absolute circular error after an offset that is a cubic in the factor, radians.

    Parameters
    ----------
    difference
        (N,) encoded minus true angle, radians.
    factor
        (N,) the factor, any unit.
    symmetry
        s: errors count modulo 2π/s.

    Returns
    -------
    float
        Never above the error after the best constant offset.

    Notes
    -----
    Fitting a curve on a circle has many local optima, one for each way of winding. The resultant
    length of (difference − curve) is therefore looked up on a grid of curves, after binning along
    the factor; the best few are refined by least absolute deviation (reweighted least squares on
    wrapped residuals). No random numbers are involved.
    """
    turns = np.asarray(difference, np.float64) * symmetry  # (N,), full circle
    x = _centred(np.asarray(factor, np.float64))
    basis = np.asarray(np.polynomial.legendre.legvander(x, 3), np.float64)  # (N, 4)
    best = best_offset(turns)[1]
    for start in _starts(turns, x):
        best = min(best, _refined(turns, basis, start))
    return best / symmetry


def _centred(factor: Array) -> Array:
    """The factor scaled to [−1, 1]."""
    low, high = factor.min(), factor.max()
    return (factor - (low + high) / 2) / max((high - low) / 2, 1e-12)


def _starts(turns: Array, x: Array) -> list[Array]:
    """Legendre coefficients (4,) of the curves with the largest resultants."""
    cell = np.minimum(((x + 1) / 2 * BINS).astype(np.int64), BINS - 1)
    unit = np.exp(1j * turns)
    sums = np.bincount(cell, unit.real, BINS) + 1j * np.bincount(cell, unit.imag, BINS)  # (B,)
    middle = (np.arange(BINS) + 0.5) * (2 / BINS) - 1
    slopes, bends = np.arange(-8, 8.1, 0.8), np.arange(-3.2, 3.3, 0.8)
    grid = np.stack(np.meshgrid(slopes, bends, bends, indexing="ij"), -1).reshape(-1, 3)  # (A, 3)
    curves = grid @ np.polynomial.legendre.legvander(middle, 3)[:, 1:].T  # (A, B)
    mean = np.exp(-1j * curves) @ sums  # (A,)
    best = np.argsort(-np.abs(mean), kind="stable")[:STARTS]
    return [np.concatenate([[np.angle(mean[a])], grid[a]]) for a in best]


def _refined(turns: Array, basis: Array, coefficients: Array) -> float:
    """Mean absolute error of the curve refined from a start, after its best constant offset."""
    ridge = 1e-9 * len(turns) * np.eye(basis.shape[1])
    for _ in range(STEPS):
        residual = wrap(turns - basis @ coefficients)
        weight = 1 / np.maximum(np.abs(residual), SHARPEST)
        weighted = basis * weight[:, None]
        step = np.linalg.solve(basis.T @ weighted + ridge, weighted.T @ residual)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-4:
            break
    return best_offset(turns - basis @ coefficients)[1]
