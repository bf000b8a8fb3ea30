"""How finely networks see and draw large images.

A layer next to the pixels holds hidden × pixels numbers, and training keeps four copies of them:
4 GB for 256 units and 1024² pixels, at either end. What objects are, and where, shows in far fewer
pixels, so large images are averaged before an encoder sees them. A drawing is stretched to the
image, so that it may be coarser, too. The likelihood is of all pixels whatever the networks use.
A curve has so few points that up to 4,096 are seen one by one: a peak may be as narrow as that.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.data.image_set import Images
from vaerun.geometry import is_curve
from vaerun.utils.arrays import evenly

MOST_SEEN_PX = 256  # along the longer side of what an encoder sees
MOST_DRAWN_PX = 512  # along the longer side of a drawing
_MOST_POINTS = 4096  # of a curve
_SIDES = (64, 96, 128, 192, 256, 384, 512)  # that are tried for a data set
_SEEN_LOSS, _DRAWN_LOSS = 0.02, 0.005  # of the variance of images without their noise
_MEDIAN_OF_NORMAL = 0.6745  # of the modulus of a normal number, over its sd
_LOOKED_AT, _NOISE_IMAGES = 200, 8  # images
_MOST_NUMBERS = 2**24  # of images that are looked at: 64 MB

Size = tuple[int, int]  # (H, W)


def limited(size: Size, most: int) -> Size:
    """Size of an image (H, W) with at most ``most`` pixels along the longer side."""
    shrink = (_MOST_POINTS if is_curve(size[0]) else most) / max(size)
    if shrink >= 1:
        return size
    height, width = (max(round(side * shrink), 1) for side in size)
    return height, width


def averaged(images: Tensor, most: int) -> Tensor:
    """Images (n, C, H, W) averaged to at most ``most`` pixels along the longer side."""
    height, width = images.shape[-2:]
    size = limited((height, width), most)
    return images if size == (height, width) else F.interpolate(images, size, mode="area")


def side_px(limit: int | str, most: int) -> int:
    """A limit of the longer side in pixels; ``auto``, before any image is known, is the most."""
    return most if isinstance(limit, str) else min(limit, most)


def seen_shape(image: tuple[int, int, int], most: int) -> tuple[int, int, int]:
    """(C, H, W) of what an encoder sees of images (C, H, W), at most ``most`` along a side."""
    channels, height, width = image
    return channels, *limited((height, width), most)


def needed_px(images: Images) -> tuple[int, int]:
    """Pixels along the longer side at which images are seen, and drawn, without losing structure.

    Images are averaged to a number of pixels and stretched back. What that takes away, less what
    it takes away of white noise of their sd, is to be at most 2 % of their variance for what an
    encoder sees, and 0.5 % for a drawing.

    Parameters
    ----------
    images
        (N, C, H, W); up to 200 of them are looked at. Of curves no point is left out.
    """
    if is_curve(images.shape[2]):
        return MOST_SEEN_PX, MOST_DRAWN_PX
    most = max(min(_LOOKED_AT, _MOST_NUMBERS // images.shape[1:].numel()), 1)
    some = images[torch.from_numpy(evenly(len(images), most))].float()
    noise = _noise_sd(some) ** 2
    structure = max(float(some.var((2, 3)).mean()) - noise, 1e-12)
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(_NOISE_IMAGES, 1, *some.shape[2:], generator=generator)
    longer = max(some.shape[2:])
    lost = {
        side: (_lost(some, side) - noise * _lost(white, side)) / structure
        for side in _SIDES
        if side < longer
    }
    seen, drawn = (
        next((side for side, share in lost.items() if share <= most), longer)
        for most in (_SEEN_LOSS, _DRAWN_LOSS)
    )
    return min(seen, MOST_SEEN_PX), min(drawn, MOST_DRAWN_PX)


def _lost(images: Tensor, side: int) -> float:
    """Mean square of what is lost of images that are averaged and stretched back."""
    coarse = averaged(images, side)
    back = F.interpolate(coarse, images.shape[2:], mode="bilinear", align_corners=False)
    return float((images - back).square().mean())


def _noise_sd(images: Tensor) -> float:
    """Sd of white noise, by the mixed second differences of pixels, which structure has few of."""
    one_row = images.shape[2] == 1  # then by those along it
    differences = images.diff(dim=3).diff(dim=3 if one_row else 2)
    variance = 6 if one_row else 4  # of the differences, over that of white noise
    return float(differences.abs().median()) / _MEDIAN_OF_NORMAL / variance**0.5
