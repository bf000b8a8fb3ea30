"""Pixels that a training step looks at, where it does not look at all of them.

The log-likelihood over them, times `weight`, is on average that over all pixels, so the gradient
stays unbiased.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

# B images, m hypotheses of each, C channels, P = H·W pixels.


class PixelSubset(ABC):
    """Abstract: some of the pixels of B images."""

    @property
    @abstractmethod
    def weight(self) -> float:
        """Pixels that one of them stands for."""

    @abstractmethod
    def of(self, images: Tensor) -> Tensor:
        """Those pixels of images (B, 1, C, P), (B, 1, C, p)."""

    @abstractmethod
    def for_each(self, m: int) -> "PixelSubset":
        """The same for m hypotheses of each image, (B·m)."""


@dataclass(frozen=True)
class RandomPixels(PixelSubset):
    """Pixels drawn for each image by itself.

    Attributes
    ----------
    index
        (B, p) their numbers.
    n_pixels
        P.
    """

    index: Tensor
    n_pixels: int

    @property
    def weight(self) -> float:
        """P / p."""
        return self.n_pixels / self.index.shape[1]

    def of(self, images: Tensor) -> Tensor:
        """Those of each image."""
        return images.gather(3, self.index[:, None, None].expand(-1, 1, images.shape[2], -1))

    def for_each(self, m: int) -> "RandomPixels":
        """Each image's m times."""
        return RandomPixels(self.index.repeat_interleave(m, 0), self.n_pixels)


@dataclass(frozen=True)
class RowSubset(PixelSubset):
    """Every n-th row of pixels, the same ones of all images.

    Neighbouring rows look alike, so that these tell more of an image than as many pixels drawn
    anywhere.

    Attributes
    ----------
    first, step
        Rows first, first + step, …
    width
        W.
    """

    first: int
    step: int
    width: int

    @property
    def weight(self) -> float:
        """The step, if every first row is as likely."""
        return self.step

    def of(self, images: Tensor) -> Tensor:
        """Those of each image."""
        return images.unflatten(3, (-1, self.width))[..., self.first :: self.step, :].flatten(3)

    def for_each(self, m: int) -> "RowSubset":
        """They are the same anyway."""
        del m
        return self


def spread(height: int, width: int) -> Tensor:
    """Numbers of all pixels (P,), so that any stretch of them lies evenly over the image.

    Neighbouring pixels look alike, so that such a stretch tells more of an image than as many
    pixels drawn anywhere. The order is that of the thresholds of ordered dithering (Bayer 1973):
    each pixel falls into the middle of the largest hole that those before it have left.

    Parameters
    ----------
    height, width
        H and W, of any size.
    """
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    n_bits = max(height - 1, width - 1, 1).bit_length()
    rank = torch.zeros(height, width, dtype=torch.long)
    for bit in range(n_bits):  # the lowest bits of both coordinates weigh most
        mixed = (row ^ column) >> bit & 1
        rank = rank * 4 + 2 * mixed + (row >> bit & 1)
    return rank.flatten().argsort()
