"""How well images or curves are predicted, and how well the spread of predictions is."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def prediction_scores(
    truth: Floats, mean: Floats, sd: Floats, measured: npt.NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """Scores of predictions (N, C, H, W) of N images or curves.

    Parameters
    ----------
    measured
        (N, C, H, W), which numbers of the truth count; None: all.

    Returns
    -------
    dict
        ``r2`` = 1 − Σ(true − mean)² / Σ(true − mean over images)²: 0 where every image is
        predicted alike; ``rmse``, root of the mean squared error, from 0 to 1; ``coverage_68``,
        the share of true numbers within one sd of the predicted ones.
    """
    counts = np.ones(truth.shape, bool) if measured is None else measured
    n = np.maximum(counts.sum(0), 1)
    middle = np.where(counts, truth, 0).sum(0, dtype=np.float64) / n
    away = (truth - mean)[counts].astype(np.float64)
    spread = (truth - middle)[counts]
    return {
        "r2": float(1 - np.square(away).sum() / max(np.square(spread).sum(), 1e-12)),
        "rmse": float(np.sqrt(np.square(away).mean())),
        "coverage_68": float((np.abs(away) <= sd[counts]).mean()),
    }


def turned_change(mean: Floats, turned_mean: Floats, sd: Floats) -> float:
    """Root mean squared change of predictions by a turn of the images, over their spread."""
    return float(np.sqrt(np.square(turned_mean - mean).mean()) / sd.mean())
