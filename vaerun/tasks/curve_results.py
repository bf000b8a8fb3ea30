"""The arrays behind the figures of curves: their axis, their pose, the spread of each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.image_set import ImageSet, ImageSource, as_tensor
from vaerun.evaluation.figures.arrays import curve_pose_arrays
from vaerun.models import inference
from vaerun.models.encodings import Encodings
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.utils.arrays import evenly

Arrays = dict[str, npt.NDArray[Any]]

# J classes, L points.

_MOST, _MOST_CLASSES = 2000, 12  # curves that a spread is measured on, and panels


def curve_figure_arrays(
    network: InvariantVAE, source: ImageSource, encodings: Encodings
) -> Arrays:
    """Axis of the curves and their pose; empty for images."""
    if source.axis is None:
        return {}
    return {
        "curve_axis": shown_axis(source.axis, network.shape.image[2]),
        "curve_axis_label": np.array(source.axis.label),
        **curve_pose_arrays(encodings, source.axis.step),
    }


def shown_axis(axis: CurveAxis, n: int) -> npt.NDArray[np.float64]:
    """Values of the n points of a curve, averaged as curves are in figures."""
    values = torch.from_numpy(axis.values(n))[None, None, None]
    return inference.shown(values).flatten().numpy()


def spread_arrays(
    network: InvariantVAE, val: ImageSet, encodings: Encodings, names: Sequence[str]
) -> Arrays:
    """Mean and sd of validation curves by class, and of their drawings without a pose.

    Classes are those that the model infers, or else those of the data; without any, all curves
    are together. ``names`` are theirs, and ``encodings`` those of `val`.
    """
    rows = evenly(len(val), _MOST)
    own = encodings.select(rows)
    examples = network.category.examples(names)
    group = own.predicted if network.n_classes else own.label
    if not (group >= 0).any():
        group, names = np.zeros(len(rows), np.int64), ["all curves"]
    if network.category.n_condition and len(examples) != len(names):
        return {}  # conditioned on factors: there is no one drawing of a class
    curves = inference.shown(as_tensor(val.select(torch.from_numpy(rows)).target)).numpy()
    kept, parts = [], []
    for j, name in enumerate(names[:_MOST_CLASSES]):
        members = np.flatnonzero(group == j)
        if len(members) > 1:
            code = examples[j][1] if network.category.n_condition else None
            shift = inference.usual_shift(network, own.select(members))
            drawn = inference.decode_canonical(network, own.z_mean[members], code, shift)
            kept.append(name)
            parts.append((curves[members], drawn))
    if not kept:
        return {}
    arrays: Arrays = {"spread_names": np.array(kept)}
    for key, some in zip(("curves", "canonical"), zip(*parts, strict=True), strict=True):
        arrays[f"spread_{key}_mean"] = np.stack([one.mean(0) for one in some])
        arrays[f"spread_{key}_sd"] = np.stack([one.std(0) for one in some])
    return arrays
