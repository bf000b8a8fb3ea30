"""How well a target is inferred, and how well its spread is."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]

# N images.

FEWEST = 5  # images of known target
WITHIN_SD = math.erf(math.sqrt(0.5))  # share of a normal within one sd: 68 %


def regression(
    encodings: Encodings, target: str, known: tuple[Floats, Floats, Floats]
) -> dict[str, Any]:
    """``regression`` of `metrics.json`: how well a target is inferred.

    Parameters
    ----------
    target
        Its name.
    known
        True targets (n,) that it was learned from, and mean and sd (n,) of each of these as
        predicted from the others.

    Returns
    -------
    dict
        ``target``; the `scores` of the validation images whose target is known; and in ``known``
        those of the targets it was learned from.
    """
    val = encodings.val
    truth = val.factors.get(target, np.full(len(val), np.nan))
    found = scores(truth, val.target_mean, val.target_sd)
    return {"target": target, **found, "known": scores(*known)}


def scores(truth: Floats, mean: Floats, sd: Floats) -> dict[str, float]:
    """Scores of inferred targets (N,) where the true ones (N,) are known, that is not NaN.

    Returns
    -------
    dict
        ``r2`` = 1 − Σ(true − mean)² / Σ(true − mean of the true)²; ``mae``, the mean absolute
        error, in the unit of the target; ``coverage_68``, the share of true targets within one sd
        of the inferred ones; ``n`` images. Empty for less than `FEWEST` images, or if the truth is
        the same for all.
    """
    known = np.isfinite(truth)
    truth, mean, sd = (values[known].astype(np.float64) for values in (truth, mean, sd))
    if len(truth) < FEWEST or not np.ptp(truth) > 0:
        return {}
    away = truth - mean
    return {
        "r2": float(1 - np.square(away).sum() / np.square(truth - truth.mean()).sum()),
        "mae": float(np.abs(away).mean()),
        "coverage_68": float((np.abs(away) <= sd).mean()),
        "n": len(truth),
    }


def coverage(truth: Floats, mean: Floats, sd: Floats, expected: Floats) -> Floats:
    """Shares (m,) of true values (N,) in the central intervals of N(mean, sd²), (N,) each.

    ``expected`` (m,) are the shares of such a normal that the intervals hold.
    """
    away = np.abs(truth - mean) / sd
    inside = np.array([math.erf(a / math.sqrt(2)) for a in away])  # of the interval up to it
    return (inside[:, None] <= expected).mean(0)
