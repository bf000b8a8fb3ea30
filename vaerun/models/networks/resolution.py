"""How finely networks see and draw large images.

A layer next to the pixels holds hidden × pixels numbers, and training keeps four copies of them:
4 GB for 256 units and 1024² pixels, at either end. What objects are, and where, shows in far fewer
pixels, so large images are averaged before an encoder sees them. A drawing is stretched to the
image, so that it may be coarser, too. The likelihood is of all pixels whatever the networks use.
"""

import torch.nn.functional as F
from torch import Tensor

MOST_SEEN_PX = 256  # along the longer side of what an encoder sees
MOST_DRAWN_PX = 512  # along the longer side of a drawing

Size = tuple[int, int]  # (H, W)


def limited(size: Size, most: int) -> Size:
    """Size of an image (H, W) with at most ``most`` pixels along the longer side."""
    shrink = most / max(size)
    if shrink >= 1:
        return size
    height, width = (max(round(side * shrink), 1) for side in size)
    return height, width


def averaged(images: Tensor, most: int) -> Tensor:
    """Images (n, C, H, W) averaged to at most ``most`` pixels along the longer side."""
    height, width = images.shape[-2:]
    size = limited((height, width), most)
    return images if size == (height, width) else F.interpolate(images, size, mode="area")


def seen_shape(image: tuple[int, int, int]) -> tuple[int, int, int]:
    """(C, H, W) of what an encoder sees of images (C, H, W)."""
    channels, height, width = image
    return channels, *limited((height, width), MOST_SEEN_PX)
