"""A small U-Net: every pixel classified with a view of its surroundings (Ronneberger 2015)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNet(nn.Module):
    """Logits of each pixel.

    Parameters
    ----------
    n_in, n_out
        Channels of the images, and classes.
    widths
        Channels at each level; the image halves from one to the next.
    """

    def __init__(self, n_in: int, n_out: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(
            _twice(before, after) for before, after in zip((n_in, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _twice(below + here, here)
            for below, here in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True)
        )
        self.out = nn.Conv2d(widths[0], n_out, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, n_out, H, W) of images (N, n_in, H, W) of any size."""
        height, width = images.shape[-2:]
        bottom, right = (-side % self.multiple for side in (height, width))
        x = F.pad(images, (0, right, 0, bottom), mode="replicate")
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, level in zip(self.up, reversed(levels[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), level], dim=1))
        logits: Tensor = self.out(x)
        return logits[..., :height, :width]


def _twice(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(*_convolution(before, after), *_convolution(after, after))


def _convolution(before: int, after: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()
