"""Numbers from the notes of a process: throughput, time to a bound, angle error, range."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import mean_absolute_error

Array = npt.NDArray[np.float64]
Epoch = Mapping[str, float]


class Spread(NamedTuple):
    """Median and range of a number over the rounds."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread | None:
    """Median, least and most; None without values."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def images_per_second(n_images: int, epochs: Sequence[Epoch]) -> float:
    """Throughput of training steps: median over the epochs, less the first, a warm-up.

    Parameters
    ----------
    n_images
        Images of an epoch.
    epochs
        Two or more, each with ``steps_seconds``, from its start to the end of its last step.
    """
    assert len(epochs) > 1, "the first epoch is a warm-up and does not count"
    return n_images / statistics.median(epoch["steps_seconds"] for epoch in epochs[1:])


def first_reached(epochs: Sequence[Epoch], goal: Epoch, names: Sequence[str]) -> Epoch | None:
    """The first epoch in which each of the named numbers is at most that of the goal, or None.

    Numbers are known at the end of epochs only, so the time is an upper limit.
    """
    reached = (e for e in epochs if all(e[name] <= goal[name] for name in names))
    return next(reached, None)


def angle_error_deg(
    angle: npt.ArrayLike, truth: npt.ArrayLike, label: npt.ArrayLike, symmetry: Sequence[int]
) -> float:
    """Mean over classes of the mean absolute circular error after the best offset of each.

    Packages differ in the sign of a rotation, so the better of both signs counts.

    Parameters
    ----------
    angle, truth
        (N,) encoded and true angles, radians.
    label
        (N,) class, from 0.
    symmetry
        Order of the rotational symmetry of each class: errors count modulo 2π over it.
    """
    angle, truth, label = np.asarray(angle), np.asarray(truth), np.asarray(label)

    def error(signed: Array) -> float:
        difference = signed - truth
        of_class = [
            mean_absolute_error(difference[label == j], order) for j, order in enumerate(symmetry)
        ]
        return float(np.rad2deg(np.mean(of_class)))

    return min(error(angle), error(-angle))
