"""Images made ready for an atlas: moved to the middle, and no larger than needed."""

import math

import torch
from torch import Tensor, nn

from vaerun.data.image_set import Images, cropped
from vaerun.geometry import Pose, pixel_grid, place

_CHUNK = 2000  # images moved or shrunk at once
_SIDE = 24  # pixels along the longer side that suffice to tell classes apart


def centred(images: Images) -> Tensor:
    """Images (N, C, H, W) moved so that the centre of mass of what stands out is in the middle.

    What stands out is brighter or darker than the mean of the image's border.
    """
    height, width = images.shape[-2:]
    points = pixel_grid(height, width)
    border = torch.ones(height, width, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    moved = []
    for x in images.split(_CHUNK):
        mean = x.mean(1)  # (n, H, W)
        mass = mean - mean[:, border].mean(1)[:, None, None]
        total = mass.sum((1, 2))
        centre = torch.einsum("nhw,hwi->ni", mass, points) / total.abs().clamp_min(1e-6)[:, None]
        centre = (centre * total.sign()[:, None]).clamp(-1, 1)
        pose = Pose.identity(len(x))._replace(shift=-centre)
        moved.append(place(x, pose, (height, width)))
    return torch.cat(moved)


def shrunk(images: Images) -> Tensor:
    """Images of no more pixels than needed, each the mean of a square of the original."""
    side = math.ceil(max(images.shape[-2:]) / _SIDE)
    if side == 1:
        return cropped(images)
    pool = nn.AvgPool2d(side, ceil_mode=True, count_include_pad=False)
    return torch.cat([pool(x) for x in images.split(_CHUNK)])
