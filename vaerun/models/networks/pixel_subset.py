"""Subsets of pixels for a training step.

The log-likelihood over a subset, times `weight`, is on average that over all pixels, so the
gradient stays unbiased.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# B images, m hypotheses of each, C channels, P = H·W pixels, p pixels of a subset.


@dataclass(frozen=True)
class RandomPixels:
    """Pixels drawn for each image separately.

    Attributes
    ----------
    index
        (B, p) pixel numbers.
    n_pixels
        P.
    """

    index: Tensor
    n_pixels: int

    @property
    def weight(self) -> float:
        """P / p."""
        return self.n_pixels / self.index.shape[1]

    def select(self, images: Tensor) -> Tensor:
        """Pixels (B, 1, C, p) of images (B, 1, C, P)."""
        return images.gather(3, self.index[:, None, None].expand(-1, 1, images.shape[2], -1))

    def repeat(self, m: int) -> "RandomPixels":
        """Subset of B·m images, m hypotheses of each."""
        return RandomPixels(self.index.repeat_interleave(m, 0), self.n_pixels)

    def of(self, image: Tensor) -> "RandomPixels":
        """Subset of the images at these positions (n,)."""
        return RandomPixels(self.index[image], self.n_pixels)


@dataclass(frozen=True)
class RowSubset:
    """Every n-th row of pixels, the same of all images.

    Neighbouring rows look alike, so these carry more information than as many random pixels.

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
        """The step, which is P / p on average over first rows."""
        return self.step

    def select(self, images: Tensor) -> Tensor:
        """Pixels (B, 1, C, p) of images (B, 1, C, P)."""
        return images.unflatten(3, (-1, self.width))[..., self.first :: self.step, :].flatten(3)

    def repeat(self, m: int) -> "RowSubset":
        """Subset of B·m images, which is the same."""
        del m
        return self

    def of(self, image: Tensor) -> "RowSubset":
        """Subset of some of the images, which is the same."""
        del image
        return self


PixelSubset = RandomPixels | RowSubset


def spread(height: int, width: int) -> Tensor:
    """Pixel numbers (P,) in an order in which any stretch covers the image evenly.

    Neighbouring pixels look alike, so such a stretch carries more information than as many random
    pixels. The order is that of the thresholds of ordered dithering (Bayer 1973): each pixel falls
    into the middle of the largest hole left by those before it.

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
