"""Interface of a decoder: content and pose → the likelihood's parameter at each pixel."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vaerun.geometry import Pose
from vaerun.models.networks.pixel_subset import PixelSubset

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


class DecoderShape(NamedTuple):
    """Sizes of a decoder.

    Attributes
    ----------
    n_content
        Numbers of content and class code together.
    hidden
        Widths of the hidden layers, from content to image.
    image
        (C, H, W).
    """

    n_content: int
    hidden: list[int]
    image: tuple[int, int, int]


class Decoder(nn.Module, ABC):
    """Abstract decoder.

    Attributes
    ----------
    Config
        Dataclass of its options.
    can_pose
        Whether the pose changes the image.
    n_per_pixel
        Numbers held in memory for each decoded pixel.
    """

    Config: ClassVar[type]
    can_pose: ClassVar[bool]
    n_per_pixel: int = 1

    @abstractmethod
    def __init__(self, config: Any, shape: DecoderShape) -> None:
        del config, shape
        super().__init__()

    @abstractmethod
    def forward(self, content: Tensor, pose: Pose, subset: PixelSubset | None = None) -> Tensor:
        """Content (N, d) and N poses → (N, C, P), P = H·W pixels row by row, or a subset."""

    def draw_subset(self, n_images: int, device: torch.device) -> PixelSubset | None:
        """Pixels for a training step to use; None for all."""
        del n_images, device
        return None
