"""Spatial decoder (Bepler 2019; review, eq. 3): pixel coordinates and content → pixel.

The coordinates, not the image, are rotated and shifted. The cost is proportional to
pixels × hidden², so a training step may use a subset of pixels, evenly spread over each image.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaerun.config.schema import field
from vaerun.geometry import Pose, pixel_grid, to_object
from vaerun.models.networks.decoder import ACTIVATIONS, Decoder, DecoderShape
from vaerun.models.networks.encoder import mlp
from vaerun.models.networks.pixel_subset import PixelSubset, RandomPixels, spread
from vaerun.utils import random


@dataclass(frozen=True, kw_only=True, slots=True)
class SpatialConfig:
    """Options of the spatial decoder."""

    name: str = field("which decoder", choices=["spatial"])
    activation: str = field("between layers", choices=sorted(ACTIVATIONS))
    pixel_subset: int | None = field(
        "evenly spread pixels that a training step uses, others each time; null: all", min=1
    )


class SpatialDecoder(Decoder):
    """Layer h = tanh(W_x·coordinate + b + W_z·content), then a layer for each entry of hidden.

    All have the width of the first entry, as in pyroVED and AtomAI.
    """

    Config = SpatialConfig
    can_pose = True

    def __init__(self, config: SpatialConfig, shape: DecoderShape) -> None:
        super().__init__(config, shape)
        channels, height, width = shape.image
        n_hidden = self.n_per_pixel = shape.hidden[0]
        self.coordinates = nn.Linear(2, n_hidden)
        self.content = nn.Linear(shape.n_content, n_hidden, bias=False)
        self.net = nn.Sequential(
            ACTIVATIONS[config.activation](),
            mlp(n_hidden, len(shape.hidden) * [n_hidden], config.activation, channels),
        )
        subset = config.pixel_subset
        self.n_subset = None if subset is None or subset >= height * width else subset
        self.points: Tensor
        self.register_buffer("points", pixel_grid(height, width).flatten(0, 1), persistent=False)
        self.spread: Tensor
        self.register_buffer("spread", spread(height, width), persistent=False)

    def forward(self, content: Tensor, pose: Pose, subset: PixelSubset | None = None) -> Tensor:
        """(N, d) and N poses → (N, C, P), of all pixels or a subset."""
        points = self.points[subset.index] if isinstance(subset, RandomPixels) else self.points
        coordinates = to_object(points, pose)  # (N, P, 2)
        with torch.autocast(coordinates.device.type, enabled=False):  # see `geometry.apply`
            placed = self.coordinates(coordinates)
        first = placed + self.content(content)[:, None]
        return self.net(first).transpose(1, 2).float()

    def draw_subset(self, n_images: int, device: torch.device) -> RandomPixels | None:
        """Random stretch of `spread` for each image: all pixels equally likely, none twice."""
        if self.n_subset is None:
            return None
        n_pixels = len(self.points)
        first = random.integers(0, n_pixels, (n_images, 1), device)
        stretch = first + torch.arange(self.n_subset, device=device)
        return RandomPixels(self.spread[stretch % n_pixels], n_pixels)
