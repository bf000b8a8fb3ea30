"""The arrays behind figures that need no decoder: from encodings, metrics and the log."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.encodings import Encodings

Arrays = dict[str, npt.NDArray[Any]]


def encoding_arrays(encodings: Encodings, metrics: Mapping[str, Any]) -> Arrays:
    """Content, pose, classes and factors of the validation images, and the confusion.

    Parameters
    ----------
    encodings
        All splits.
    metrics
        As from `summarise`.

    Returns
    -------
    dict
        Under the names in the package's head; a latent that the model lacks is left out.
    """
    val = encodings.val
    arrays: Arrays = {"latent_z": val.z_mean, "latent_label": val.label}
    arrays |= {f"factor_{name}": values for name, values in val.factors.items()}
    if (val.predicted >= 0).any():
        arrays["latent_predicted"] = val.predicted
    if np.any(val.angle):
        arrays["latent_angle"] = val.angle
    if np.any(val.shift):
        arrays["shift_px"] = val.shift
    if "classification" in metrics:
        arrays["confusion"] = np.array(metrics["classification"]["confusion"])
    return arrays


def curve_arrays(history: Mapping[str, Sequence[float]]) -> Arrays:
    """The learning curve.

    Parameters
    ----------
    history
        ``epoch`` and the logged ``<split>/<term>``, one value an epoch, NaN where not measured.
    """
    return {
        f"curve_{name.replace('/', '_')}": np.asarray(values, np.float64)
        for name, values in history.items()
        if name == "epoch" or name.startswith(("train/", "val/"))
    }
