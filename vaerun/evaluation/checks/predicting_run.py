"""What checks look at in a model that predicts: what it predicts, and of moved inputs."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.image_set import ImageSet, Splits, as_tensor
from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.models.encodings import Encodings
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.prediction import Predictions, predict
from vaerun.utils.arrays import evenly

_MOST_AVERAGED = 2000  # training targets

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictingRun(CheckedRun):
    """A trained network that predicts another image or curve of each image.

    Angle, shift and scale are no latents of it, but those that predictions are not to depend on.

    Attributes
    ----------
    mean_target
        (P,) mean of the numbers that are predicted, of up to 2,000 training images.
    """

    mean_target: Floats = dataclasses.field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(
        cls,
        network: InvariantVAE,
        splits: Splits,
        encodings: Encodings,
        rows: Sequence[Mapping[str, float]],
        plain: Mapping[str, Any],
        seed: int,
    ) -> Self:
        """Choose the images of a run; ``seed`` is that of the training."""
        run = super().of(network, splits, encodings, rows, plain, seed)
        some = splits.train.select(torch.from_numpy(evenly(len(splits.train), _MOST_AVERAGED)))
        mean = np.nan_to_num(np.nanmean(measured_targets(some), 0))
        return dataclasses.replace(run, mean_target=mean)

    @property
    def has_angle(self) -> bool:
        """Whether predictions are not to depend on the angle."""
        return self.network.search.angle is not None

    @property
    def has_shift(self) -> bool:
        """Whether predictions are not to depend on the shift."""
        return self.network.search.shift_sd is not None

    @property
    def has_scale(self) -> bool:
        """Whether predictions are not to depend on the scale."""
        return self.network.search.scale_sd is not None

    @cached_property
    def truth(self) -> Floats:
        """The true numbers (n, P); NaN where nothing was measured."""
        return measured_targets(self.images)

    @cached_property
    def predictions(self) -> Predictions:
        """Mean and sd (n, P) of what is predicted of the images."""
        return self._predicted(self.x)

    @cached_property
    def moved_predictions(self) -> Predictions:
        """Mean and sd (n, P) of what is predicted of the images after `move`."""
        return self._predicted(self.moved_images)

    def _predicted(self, x: Tensor) -> Predictions:
        """Mean and sd (n, P) of what is predicted of images (n, C, H, W)."""
        return Predictions(*(part.reshape(len(x), -1) for part in predict(self.network, x)))


def measured_targets(images: ImageSet) -> Floats:
    """What is predicted of images (n, P), in doubles; NaN where nothing was measured."""
    target: Floats = as_tensor(images.target).double().flatten(1).numpy().copy()
    if images.measured is not None:
        target[~as_tensor(images.measured).flatten(1).numpy()] = np.nan
    return target
