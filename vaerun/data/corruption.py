"""Noise and missing pixels, for models that learn to restore images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.config.schema import field
from vaerun.utils import random

# N images, S a side of a missing patch in pixels.

CHOICES = ("none", "noise", "mask")

# Function of images (N, C, H, W) in [0, 1] and a generator on their device; without a generator it
# draws from the random stream of the training step, see `vaerun.utils.random`.
Corruption = Callable[[Tensor, torch.Generator | None], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class CorruptionConfig:
    """Details of the corruption that `data.corrupt` chooses."""

    noise: str = field("kind of noise", choices=["gaussian", "poisson", "salt"])
    sd: float = field("sd of gaussian noise, where white is 1", above=0)
    counts: float = field("expected counts of a white pixel under poisson noise", above=0)
    salt: float = field("share of the pixels that salt sets to 0 or 1", above=0, max=1)
    mask: str = field("what is missing", choices=["pixels", "patches"])
    share: float = field("share of the pixels that are missing", above=0, below=1)
    patch_px: int = field("side of a missing patch, in pixels", min=1)


def corruption(kind: str, config: CorruptionConfig) -> Corruption | None:
    """Function that corrupts images as one of `CHOICES`, within [0, 1]; None for `none`."""
    if kind == "none":
        return None
    return partial(_with_noise if kind == "noise" else _with_gaps, config)


def _with_noise(
    config: CorruptionConfig, images: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Images with independent noise in each pixel and channel."""
    if config.noise == "gaussian":
        noisy = images + config.sd * _normal(images, generator)
    elif config.noise == "poisson":
        noisy = torch.poisson(images * config.counts, generator=generator) / config.counts
    else:
        chance = _uniform(images.shape, images.device, generator)
        white = (chance < config.salt / 2).float()
        noisy = torch.where(chance < config.salt, white, images)
    return noisy.clamp_(0, 1)


def _normal(images: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        return random.normal(images)
    return torch.randn(images.shape, generator=generator, device=images.device)


def _uniform(
    size: Sequence[int], device: torch.device, generator: torch.Generator | None
) -> Tensor:
    if generator is None:
        return random.uniform(size, device)
    return torch.rand(*size, generator=generator, device=device)


def _with_gaps(
    config: CorruptionConfig, images: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Images with missing pixels, which are 0 in all channels.

    Every S × S square, including those that extend beyond the edge, is missing independently with
    probability p; single pixels are squares of side 1. A pixel lies in S² squares, so that it
    survives with probability (1 − p)^S², wherever it is.
    """
    side = config.patch_px if config.mask == "patches" else 1
    n, _, height, width = images.shape
    p = 1 - (1 - config.share) ** (1 / side**2)
    corners = (n, 1, height + side - 1, width + side - 1)
    missing = (_uniform(corners, images.device, generator) < p).float()
    for window in ((side, 1), (1, side)):  # separable: 2 S comparisons instead of S²
        missing = F.max_pool2d(missing, window, stride=1)
    return images * (1 - missing)
