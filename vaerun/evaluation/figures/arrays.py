"""The arrays of figures that need no decoder: from encodings, metrics and the log."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.clustering import matches
from vaerun.models.encodings import Encodings

Arrays = dict[str, npt.NDArray[Any]]

MOST_DRAWN = 100_000  # images in a figure


def encoding_arrays(encodings: Encodings, metrics: Mapping[str, Any]) -> Arrays:
    """Arrays of content, pose, classes and factors of validation images, and of the confusion.

    Their names are those in `vaerun.evaluation.figures`; a latent that the model lacks is left
    out. Above `MOST_DRAWN` images an even selection is drawn. The metrics come from `summarise`.
    """
    val = encodings.val.thinned(MOST_DRAWN)
    arrays: Arrays = {"latent_z": val.z_mean, "latent_label": val.label}
    arrays |= {f"factor_{name}": values for name, values in val.factors.items()}
    n_groups = val.class_probability.shape[1]
    if n_groups and "classification" in metrics:
        arrays["latent_predicted"] = val.predicted
        arrays["confusion"] = np.array(metrics["classification"]["confusion"])
    elif n_groups:
        arrays |= _unsupervised_classes(val, n_groups, len(metrics.get("classes", [])))
    if val.has_target:
        arrays |= {"target_mean": val.target_mean, "target_sd": val.target_sd}
    if np.any(val.angle):
        arrays["latent_angle"] = val.angle
    if np.any(val.shift[:, 0]):
        arrays["shift_px"] = val.shift
    return arrays


def curve_pose_arrays(encodings: Encodings, step: float) -> Arrays:
    """Shift, in units of the axis, scale, gain and offset of the curves of `encoding_arrays`.

    ``step`` is that of the axis; what the model does not infer is left out.
    """
    val = encodings.val.thinned(MOST_DRAWN)
    own = {
        "shift": val.shift[:, -1] * step,
        "scale": val.scale,
        "gain": val.gain,
        "offset": val.offset,
    }
    return {f"curve_{name}": values for name, values in own.items() if np.ptp(values) > 0}


def _unsupervised_classes(val: Encodings, n_groups: int, n_classes: int) -> Arrays:
    """Classes inferred without labels, renumbered as the true classes that they match.

    Without labelled images they keep their own numbers.
    """
    match = matches(val.predicted, val.label, n_groups)
    labelled = val.label >= 0
    if not labelled.any():
        return {"latent_predicted": val.predicted}
    # columns: for each true class the group that matches it, then groups without a match
    order = sorted(range(n_groups), key=lambda j: (match[j] < 0, match[j], j))
    table = np.zeros((n_groups, n_classes), np.int64)
    np.add.at(table, (val.predicted[labelled], val.label[labelled]), 1)
    return {
        "latent_predicted": match[val.predicted],
        "confusion": table[order].T,
        "confusion_columns": np.array(order),
    }


def curve_arrays(history: Mapping[str, Sequence[float]]) -> Arrays:
    """Arrays of the learning curve, from the logged ``epoch`` and ``<split>/<term>``."""
    return {
        f"curve_{name.replace('/', '_')}": np.asarray(values, np.float64)
        for name, values in history.items()
        if name == "epoch" or name.startswith(("train/", "val/"))
    }
