"""The encodings of a data set: arrays in memory, `latents.h5` on disk."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Encodings:
    """Every image's latents beside what is known of it, N images of all splits.

    Attributes
    ----------
    z_mean, z_sd
        (N, d) content.
    angle, angle_sd
        (N,) radians, angle in [−π, π); zero where the model has no angle.
    shift
        (N, 2) row and column, pixels; zero where the model has no shift.
    scale
        (N,) factor; one where the model has no scale.
    class_probability, predicted
        (N, J) and (N,), for models with a class latent; J = 0 and −1 otherwise.
    label
        (N,) −1 where unknown.
    index
        (N,) position in the source.
    split
        (N,) uint8, 0 train, 1 validation.
    factors
        True values by name, (N,) each.
    """

    z_mean: Floats
    z_sd: Floats
    angle: Floats
    angle_sd: Floats
    shift: Floats
    scale: Floats
    class_probability: Floats
    predicted: Ints
    label: Ints
    index: Ints
    split: npt.NDArray[np.uint8]
    factors: dict[str, Floats] = field(default_factory=dict)
