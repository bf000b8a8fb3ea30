"""What a data set is to the rest of the program: images with what is known about each."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images and what is known of each.

    Attributes
    ----------
    images
        (N, C, H, W) float32 in [0, 1].
    label
        (N,) int64, −1 where unknown.
    index
        (N,) int64, the position of each image in its source.
    factors
        True values by name, (N,) float32 each, angles in radians; ``angle`` counter-clockwise,
        ``shift_row`` and ``shift_column`` in pixels.
    """

    images: Tensor
    label: Tensor
    index: Tensor
    factors: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __post_init__(self) -> None:
        assert self.images.ndim == 4, self.images.shape
        assert self.images.dtype == torch.float32, self.images.dtype
        n = len(self.images)
        assert all(len(t) == n for t in (self.label, self.index, *self.factors.values()))


@dataclass(frozen=True, kw_only=True)
class Splits:
    """A data set as training uses it.

    Attributes
    ----------
    train, val
        Images to learn from, and images whose factors were drawn independently.
    classes
        Names of the classes, empty when there are none.
    symmetry
        For each class, the order of its rotational symmetry: 2 looks the same after 180°.
    """

    train: ImageSet
    val: ImageSet
    classes: list[str]
    symmetry: list[int]

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def identity(self) -> list[Tensor]:
        """What tells this data set from another, the same on every host.

        Images that were drawn from known factors differ between processors in their last bit, so
        there the factors stand for them.
        """
        parts = []
        for images in (self.train, self.val):
            drawn = list(images.factors.values()) or [images.images]
            parts += [images.index, images.label, *drawn]
        return parts
