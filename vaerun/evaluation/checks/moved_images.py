"""Images that are moved by known amounts and encoded again."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.geometry import is_curve, pixel_size, rotation, warp

NARROW_DEG = 15.0  # images are turned by up to this where the model's angles are limited
SHIFT, LOG_SCALE = 0.05, 0.08  # at most, of the shorter side and of the size

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Move:
    """A known change of n images.

    Attributes
    ----------
    turn
        (n,) radians, counter-clockwise about the middle of the image.
    shift_px
        (n, 2) row and column, after the turn; of a curve the column counts.
    factor
        (n,) by which the image grows.
    """

    turn: Tensor
    shift_px: Tensor
    factor: Tensor

    @classmethod
    def drawn(
        cls, n: int, side: int, *, turns: float, shifts: bool, scales: bool, seed: int = 0
    ) -> "Move":
        """Even draws of what a model has latents for; ``turns`` is the greatest angle, radians."""
        even = 2 * torch.rand(n, 4, generator=torch.Generator().manual_seed(seed)) - 1
        return cls(
            turn=even[:, 0] * turns,
            shift_px=even[:, 1:3] * SHIFT * side * shifts,
            factor=(even[:, 3] * LOG_SCALE * scales).exp(),
        )

    @classmethod
    def quarter_turns(cls, n: int, *, square: bool) -> "Move":
        """Turns by 90, 180 and 270 degrees one after the other; by 180 alone if not square."""
        quarters = torch.arange(n) % 3 + 1 if square else torch.full((n,), 2)
        return cls(turn=quarters * (math.pi / 2), shift_px=torch.zeros(n, 2), factor=torch.ones(n))

    def apply(self, images: Tensor) -> Tensor:
        """The moved images (n, C, H, W), resampled bilinearly."""
        matrix = self.factor[:, None, None] * rotation(self.turn)
        shift = self.shift_px * pixel_size(*images.shape[-2:])
        if is_curve(images.shape[-2]):
            shift = shift * shift.new_tensor([0, 1])
        return warp(images.float(), matrix, shift, padding="reflection")

    def apply_exactly(self, images: Tensor) -> Tensor:
        """The images turned by quarters, every pixel kept as it is."""
        quarters = (self.turn / (math.pi / 2)).round().long() % 4
        moved = images.clone()
        for k in range(1, 4):
            moved[quarters == k] = torch.rot90(images[quarters == k], k, (2, 3))
        return moved
