"""Canonical decoder: draw the object upright once, then turn, scale and shift the drawing.

The network runs once an image instead of once a pixel, a thousandfold fewer multiplications than
`spatial`; bilinear resampling of the drawing, in units of the likelihood's parameter, does the
rest and passes gradients to the pose.
"""

from dataclasses import dataclass

from torch import Tensor

from vaerun.geometry import Pose, place
from vaerun.nets.decoder import ACTIVATIONS, Decoder, DecoderShape
from vaerun.nets.mlp import mlp
from vaerun.schema import option


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalConfig:
    """Options of the canonical decoder."""

    name: str = option("which decoder", choices=["canonical"])
    activation: str = option("between layers", choices=sorted(ACTIVATIONS))
    canvas: float = option(
        "side of the drawing over the image's longer side; √2 and more where images fill their "
        "field",
        min=1.0,
        max=4.0,
    )


class CanonicalDecoder(Decoder):
    """Content → drawing on a square canvas → image under the pose."""

    Config = CanonicalConfig
    can_pose = True

    def __init__(self, config: CanonicalConfig, shape: DecoderShape) -> None:
        super().__init__(config, shape)
        self.channels, *size = shape.image
        self.size = (size[0], size[1])
        longer = max(self.size)
        side = round(config.canvas * longer)
        self.side = side + (side - longer) % 2  # so that pixel centres coincide at pose zero
        self.extent = (self.side - 1) / max(longer - 1, 1)
        n_out = self.channels * self.side**2
        self.net = mlp(shape.n_content, shape.hidden, config.activation, n_out)

    def forward(self, content: Tensor, pose: Pose) -> Tensor:
        """(N, d) and N poses → (N, C, P)."""
        canvas = self.net(content).float().unflatten(1, (self.channels, self.side, self.side))
        return place(canvas, pose, self.size, extent=self.extent).flatten(2)
