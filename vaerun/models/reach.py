"""How far from the middle of an image objects reach."""

import math

import torch
from torch import Tensor

from vaerun.data.image_set import Images, as_tensor
from vaerun.geometry import pixel_grid, pixel_size
from vaerun.models.object_locator import ObjectLocator
from vaerun.utils.arrays import evenly

_SHARE = 0.999  # of the variance, within the circle that objects reach
_NEARLY_ALL = 0.98  # of the objects
_LOOKED_AT, _MOST_NUMBERS = 2000, 2**25  # images, and numbers in them: 128 MB


def reached_px(images: Images, *, centred: bool = False, sized: bool = False) -> int:
    """Diameter in pixels of the circle in the middle that objects reach.

    Outside of it there is at most a thousandth of the variance of images, at each pixel over some
    2,000 of them. Where most images have one object on its own, which is centred before it is
    seen, it is at most the circle that this object needs.

    Parameters
    ----------
    images
        (N, C, H, W).
    centred, sized
        Whether objects are brought into the middle, and to their usual size; else the circle
        holds all but the largest 2 % of them.
    """
    some = _some(images)
    reached = _varied_px(some)
    size = (some.shape[2], some.shape[3])
    locator = ObjectLocator(size, centred=True, sized=True)
    if centred and locator.fit(some):
        largest = 1.0 if sized else float(locator(some).size.quantile(_NEARLY_ALL).clamp_min(1))
        reached = min(reached, math.ceil(locator.reach * max(size) * largest))
    return reached


def _some(images: Images) -> Tensor:
    """Images (n, C, H, W) that are looked at, of all (N, C, H, W)."""
    most = max(min(_LOOKED_AT, _MOST_NUMBERS // images.shape[1:].numel()), 1)
    return as_tensor(images[torch.from_numpy(evenly(len(images), most))]).float()


def _varied_px(some: Tensor) -> int:
    """Diameter in pixels of the circle that holds 99.9 % of the variance of images."""
    variance = some.var(0, correction=0).mean(0).flatten()
    height, width = some.shape[2:]
    away: Tensor = pixel_grid(height, width).norm(dim=-1).flatten() / pixel_size(height, width)
    outwards = away.argsort()
    within = variance[outwards].double().cumsum(0)
    last = int((within <= _SHARE * within[-1]).sum())
    return math.ceil(2 * float(away[outwards][min(last, len(away) - 1)])) + 1
