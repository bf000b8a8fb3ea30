"""Shift, stretch and gain of curves against the position, width and height of their lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]

# latent → the factor that it stands for; both are compared as they are, or as logarithms
_OF_FACTOR = {"shift": "position", "scale": "width", "gain": "height"}
_BY_RATIO = ("scale", "gain")
_FEWEST = 5  # curves of a class
_LEAST_SPREAD = 1e-6


def curve_pose(
    val: Encodings, groups: Sequence[npt.NDArray[np.bool_]]
) -> dict[str, dict[str, Any] | None]:
    """Correlation of each latent with its factor within each group, the mean over groups.

    A class is drawn at a place and width of its own, so that latents of several cannot be
    compared. Groups are masks (N,). A latent that the model lacks, or whose factor is unknown or
    the same for all, is left out.

    Returns
    -------
    dict
        ``pearson``, a list of one number as there is one axis, by the latent's name.
    """
    found = {"shift": val.shift[:, -1], "scale": val.scale, "gain": val.gain}
    scores: dict[str, dict[str, Any] | None] = {}
    for name, factor in _OF_FACTOR.items():
        truth = val.factors.get(factor)
        if truth is None:
            continue
        each = [_pearson(found[name][rows], truth[rows], ratio=name in _BY_RATIO)
                for rows in groups]  # fmt: skip
        if known := [r for r in each if r is not None]:
            scores[name] = {"pearson": [float(np.mean(known))]}
    return scores


def _pearson(found: Floats, truth: Floats, *, ratio: bool) -> float | None:
    """Correlation of two quantities (n,) where both are known; None for too few."""
    known = np.isfinite(truth)
    if ratio:
        known &= (truth > 0) & (found > 0)
    pair = np.stack([found[known], truth[known]]).astype(np.float64)
    if pair.shape[1] < _FEWEST or (np.ptp(pair, axis=1) < _LEAST_SPREAD).any():
        return None
    return float(np.corrcoef(np.log(pair) if ratio else pair)[0, 1])
