"""Small copies of images and curves, to fit templates to: averaged, centred, of one size."""

import math

import torch
from torch import Tensor, nn

from vaerun.data.image_set import Images, as_tensor
from vaerun.geometry import is_curve
from vaerun.models.object_locator import ObjectLocator, centre_and_size
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.utils.arrays import n_at_once

# N images of C channels, H × W pixels.

_CHUNK = 2000  # images processed at once
_SIDE = 24  # pixels along the longer side that suffice to separate classes
_POINTS = 96  # of a curve that do
_LEAST_CONTRAST = 0.02  # sd of a curve: no noise is blown up


def downsample(images: Images) -> Tensor:
    """Images (N, C, H, W) averaged over squares, so that no side is longer than 24 pixels.

    Curves are averaged over stretches, to at most 96 points.
    """
    height, width = images.shape[-2:]
    side = _averaged_px(height, width)
    if side == 1:
        return as_tensor(images)
    pool = nn.AvgPool2d((min(side, height), side), ceil_mode=True, count_include_pad=False)
    return torch.cat([pool(x) for x in images.split(chunk_size(images))])


def _averaged_px(height: int, width: int) -> int:
    """Pixels a side of a square that becomes one pixel."""
    return math.ceil(max(height, width) / (_POINTS if is_curve(height) else _SIDE))


def chunk_size(images: Images) -> int:
    """Images that are prepared at once."""
    return n_at_once(images.shape[1:].numel(), _CHUNK)


def fitted_locator(images: Images, settings: ClusteringSettings) -> ObjectLocator | None:
    """The locator of the objects in images, if they are centred or brought to one size."""
    size = (images.shape[2], images.shape[3])
    if not (settings.centre or settings.size) or is_curve(size[0]):
        return None
    locator = ObjectLocator(size, centred=settings.centre, sized=settings.size)
    locator.fit(images)
    return locator


def prepared(
    images: Images, locator: ObjectLocator | None, settings: ClusteringSettings
) -> Tensor:
    """Small images; if there is a locator, of objects in the middle, of usual size, cropped.

    Curves whose gain and offset do not count have one mean and contrast.
    """
    if is_curve(images.shape[-2]):
        small = downsample(images)
        if not settings.level:
            return small
        away = small - small.mean((1, 2, 3), keepdim=True)
        return away / away.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(_LEAST_CONTRAST)
    if locator is None:
        return downsample(images)
    rows, columns = _window(images, locator)
    parts = images.split(chunk_size(images))
    return torch.cat(
        [downsample(centre_and_size(x, locator(x))[..., rows, columns]) for x in parts]
    )


def _window(images: Images, locator: ObjectLocator | None) -> tuple[slice, slice]:
    """Rows and columns of centred images (N, C, H, W) that objects reach into."""
    height, width = images.shape[-2:]
    reach = math.inf if locator is None else locator.reach * max(height, width)
    sides = [min(n, 2 * math.ceil(reach / 2) + n % 2) if reach < n else n for n in (height, width)]
    first = [(n - side) // 2 for n, side in zip((height, width), sides, strict=True)]
    return slice(first[0], first[0] + sides[0]), slice(first[1], first[1] + sides[1])


def averaged_pixels(images: Images, locator: ObjectLocator | None) -> float:
    """Pixels of an image that one of its small copy is the average of."""
    rows, columns = _window(images, locator)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    side = _averaged_px(height, width)
    return height * width / (math.ceil(height / side) * math.ceil(width / side))
