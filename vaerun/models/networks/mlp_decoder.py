"""Fully connected decoder without a pose."""

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vaerun.config.schema import field
from vaerun.geometry import Pose
from vaerun.models.networks.decoder import ACTIVATIONS, Decoder, DecoderShape
from vaerun.models.networks.encoder import mlp
from vaerun.models.networks.pixel_subset import PixelSubset
from vaerun.models.networks.resolution import MOST_DRAWN_PX, limited


@dataclass(frozen=True, kw_only=True, slots=True)
class MlpConfig:
    """Options of the fully connected decoder."""

    name: str = field("which decoder", choices=["mlp"])
    activation: str = field("between layers", choices=sorted(ACTIVATIONS))


class MlpDecoder(Decoder):
    """Content → image by fully connected layers, the pose ignored."""

    Config = MlpConfig
    can_pose = False

    def __init__(self, config: MlpConfig, shape: DecoderShape) -> None:
        super().__init__(config, shape)
        self.channels, *size = shape.image
        self.size = (size[0], size[1])
        self.drawn = limited(self.size, MOST_DRAWN_PX)
        n_out = self.channels * math.prod(self.drawn)
        self.net = mlp(shape.n_content, shape.hidden, config.activation, n_out)

    def forward(self, content: Tensor, pose: Pose, subset: PixelSubset | None = None) -> Tensor:
        """(N, d) → (N, C, P)."""
        del pose, subset
        drawing = self.net(content)
        if self.drawn == self.size:
            return drawing.unflatten(1, (self.channels, -1))
        drawing = drawing.float().unflatten(1, (self.channels, *self.drawn))
        return F.interpolate(drawing, self.size, mode="bilinear").flatten(2)
