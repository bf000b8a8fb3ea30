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


def regression(encodings: Encodings, target: str | None) -> dict[str, dict[str, Any]]:
    """``regression`` of `metrics.json`: of the validation images whose target is known.

    Returns
    -------
    dict
        ``target``, its name; ``r2`` = 1 − Σ(true − mean)² / Σ(true − mean of the true)²; ``mae``,
        the mean absolute error, in its unit; ``coverage_68``, the share of true targets within
        one sd of the inferred ones; ``n`` images. Empty without a target, or known of less than
        `FEWEST` images, or the same in all.
    """
    truth = encodings.val.factors.get(target or "")
    if target is None or truth is None:
        return {}
    known = np.isfinite(truth)
    val = encodings.val.select(known)
    truth = truth[known].astype(np.float64)
    if len(truth) < FEWEST or not np.ptp(truth) > 0:
        return {}
    away = truth - val.target_mean
    return {
        "regression": {
            "target": target,
            "r2": float(1 - np.square(away).sum() / np.square(truth - truth.mean()).sum()),
            "mae": float(np.abs(away).mean()),
            "coverage_68": float((np.abs(away) <= val.target_sd).mean()),
            "n": len(truth),
        }
    }


def coverage(truth: Floats, mean: Floats, sd: Floats, expected: Floats) -> Floats:
    """Shares (m,) of true values (N,) in the central intervals of N(mean, sd²), (N,) each.

    ``expected`` (m,) are the shares of such a normal that the intervals hold.
    """
    away = np.abs(truth - mean) / sd
    inside = np.array([math.erf(a / math.sqrt(2)) for a in away])  # of the interval up to it
    return (inside[:, None] <= expected).mean(0)
