"""Fully connected decoder without a pose."""

import math
from dataclasses import dataclass

from torch import Tensor

from vaerun.config.schema import field
from vaerun.geometry import Pose
from vaerun.models.networks.decoder import ACTIVATIONS, Decoder, DecoderShape
from vaerun.models.networks.encoder import mlp
from vaerun.models.networks.pixel_subset import PixelSubset


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
        self.net = mlp(shape.n_content, shape.hidden, config.activation, math.prod(shape.image))
        self.channels = shape.image[0]

    def forward(self, content: Tensor, pose: Pose, subset: PixelSubset | None = None) -> Tensor:
        """(N, d) → (N, C, P)."""
        del pose, subset
        return self.net(content).unflatten(1, (self.channels, -1))
