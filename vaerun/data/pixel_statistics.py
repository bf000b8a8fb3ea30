"""Mean and spread of the pixels of a set of images."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vaerun.utils.arrays import n_at_once

_MOST, _AT_ONCE = 2_000, 100  # images


@dataclass(frozen=True, kw_only=True)
class PixelStatistics:
    """Mean and sd of all pixels together, of images in [0, 1]."""

    mean: float
    sd: float

    @property
    def binary_share(self) -> float:
        """Variance over that of black and white pixels of the same mean, m (1 − m).

        The rest is the mean of x (1 − x) over m (1 − m). So it is 1 for binary images, also if all
        are black or all white, and 0 for images of one grey.
        """
        greatest = self.mean * (1 - self.mean)
        return min(self.sd**2 / greatest, 1.0) if greatest > 1e-9 else 1.0


def pixel_statistics(
    n: int, n_numbers: int, select: Callable[[Tensor], Tensor]
) -> PixelStatistics:
    """Statistics of the pixels of n images: of all, or of 2,000 evenly spread ones.

    ``select`` returns the pixels that count, in any shape, of the images at some positions (m,),
    of so many numbers each.
    """
    index = torch.linspace(0, n - 1, min(n, _MOST), dtype=torch.float64).round().long()
    count, total, squares = 0, 0.0, 0.0
    for some in index.split(n_at_once(n_numbers, _AT_ONCE)):
        pixels = select(some).double()
        count += pixels.numel()
        total += float(pixels.sum())
        squares += float(pixels.square().sum())
    mean = total / count
    return PixelStatistics(mean=mean, sd=max(squares / count - mean**2, 0.0) ** 0.5)
