"""Encoded poses of posed objects against those of the same objects at angle 0 and shift 0.

A model may call any orientation of an object zero, and a single object has no constant offset to
take off. The difference of two encodings of one object has none: so TARGET-VAE is judged
(arXiv 2210.12918, `clustering_mnist.py` of its code).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import common_symmetry, resultant, wrap
from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.float64]

# N objects, each in two images: posed and unposed encodings are of the same objects in one order.

MOST_PAIRED = 10_000  # objects of a large set that are drawn a second time, evenly spaced


def paired_angle(
    posed: Encodings, unposed: Encodings, symmetry: Sequence[int] = ()
) -> dict[str, float]:
    """Agreement of the difference of encoded angles with the true angle, N >= 1 of them known.

    Parameters
    ----------
    posed, unposed
        Encodings of N objects; ``factors["angle"]`` of the posed ones in radians, NaN if unknown.
    symmetry
        Order s of the rotational symmetry of each class; errors count modulo 2π/s. That which
        all classes share holds for images of unknown class.

    Returns
    -------
    dict
        ``paired_mae_deg``, the mean absolute circular error in degrees: 0 is perfect, 90/s chance
        and 180/s the most; ``paired_resultant``, the length R of the mean of exp(i·s·error).
        Neither allows for an offset of a class; R does for one that all images share.
    """
    truth = posed.factors["angle"].astype(np.float64)
    error = posed.angle.astype(np.float64) - unposed.angle - truth
    known = np.isfinite(truth)
    order = _orders(posed, symmetry)[known]
    turned = wrap(order * error[known])
    return {
        "paired_mae_deg": float(np.rad2deg(np.abs(turned / order).mean())),
        "paired_resultant": resultant(turned),
    }


def _orders(images: Encodings, symmetry: Sequence[int]) -> Floats:
    """Order (N,) of the rotational symmetry of the class of each image."""
    if not symmetry:
        return np.ones(len(images))
    by_label = [*symmetry, common_symmetry(symmetry)]  # the last is that of label −1
    return np.array(by_label, np.float64)[images.label]


def paired_shift(posed: Encodings, unposed: Encodings) -> dict[str, list[float]]:
    """Agreement of the difference of encoded shifts with the true shift, both in pixels.

    Returns
    -------
    dict
        ``paired_pearson``, the correlation along [row, column]; ``paired_mae_px``, the mean
        absolute error likewise. Empty where the difference or the true shift is constant.
    """
    names = ("shift_row", "shift_column")
    truth = np.stack([posed.factors[name] for name in names], axis=1).astype(np.float64)  # (N, 2)
    known = np.isfinite(truth).all(1)
    truth = truth[known]
    shift = (posed.shift.astype(np.float64) - unposed.shift)[known]
    if not ((truth.std(0) > 0) & (shift.std(0) > 0)).all():
        return {}
    return {
        "paired_pearson": [float(np.corrcoef(shift[:, i], truth[:, i])[0, 1]) for i in (0, 1)],
        "paired_mae_px": np.abs(shift - truth).mean(0).tolist(),
    }
