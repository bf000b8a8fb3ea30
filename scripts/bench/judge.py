"""From what was noted to numbers: throughput, time to a bound, error of the angles, spread."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import mean_absolute_error

Array = npt.NDArray[np.float64]
Epoch = Mapping[str, float]

# N images.


class Spread(NamedTuple):
    """A number over the rounds."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread | None:
    """Median, least and most; None of nothing."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def images_per_second(n_images: int, epochs: Sequence[Epoch]) -> float:
    """Of training steps: the median of all epochs but the first, in which things warm up.

    Parameters
    ----------
    n_images
        In an epoch.
    epochs
        Two or more, each with ``steps_seconds``, from its beginning to the end of its last step.
    """
    assert len(epochs) > 1, "the first epoch is a warm-up and does not count"
    return n_images / statistics.median(epoch["steps_seconds"] for epoch in epochs[1:])


def first_reached(epochs: Sequence[Epoch], goal: Epoch, names: Sequence[str]) -> Epoch | None:
    """The first epoch in which each of the named numbers is that of the goal or less.

    What happens between the ends of two epochs is not seen, so the time is the later one. None if
    there is no such epoch.
    """
    reached = (e for e in epochs if all(e[name] <= goal[name] for name in names))
    return next(reached, None)


def angle_error_deg(
    angle: npt.ArrayLike, truth: npt.ArrayLike, label: npt.ArrayLike, symmetry: Sequence[int]
) -> float:
    """Mean over classes of the mean absolute circular error after the best offset of each.

    Whether a positive angle turns the object one way or the other is a convention, in which the
    packages differ: the better of both counts.

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
