"""Canonical decoder: content → drawing in the canonical orientation → rotated, scaled, shifted.

The network runs once per image, not once per pixel: a thousandth of the multiplications of
`spatial`. Bilinear resampling of the drawing, in units of the likelihood's parameter, passes
gradients to the pose.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.config.schema import field
from vaerun.geometry import Pose, is_curve, place
from vaerun.models.networks.decoder import ACTIVATIONS, Decoder, DecoderShape
from vaerun.models.networks.encoder import mlp
from vaerun.models.networks.pixel_subset import PixelSubset, RowSubset
from vaerun.models.networks.resolution import MOST_DRAWN_PX, limited
from vaerun.utils import random


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalConfig:
    """Options of the canonical decoder."""

    name: str = field("which decoder", choices=["canonical"])
    activation: str = field("between layers", choices=sorted(ACTIVATIONS))
    canvas: float | str = field(
        "side of the drawing over the image's longer side; above √2 where images fill their "
        "field; auto: as data.fills_field",
        min=1.0,
        max=4.0,
        choices=["auto"],
    )
    drawing_px: int | str = field(
        "pixels of the drawing for the longer side of an image, finer than the image itself if "
        "more; a curve is drawn in its own points; auto: as many, of large images 64 or more, so "
        "that it takes at most 0.5 % of their structure",
        min=4,
        max=MOST_DRAWN_PX,
        choices=["auto"],
    )
    every_row: int | str = field(
        "a training step uses every n-th row of pixels, from a random first one; auto: as "
        "data.every_row",
        min=1,
        choices=["auto"],
    )


class CanonicalDecoder(Decoder):
    """Content → drawing on a square canvas, or on a line → image under the pose."""

    Config = CanonicalConfig
    can_pose = True

    def __init__(self, config: CanonicalConfig, shape: DecoderShape) -> None:
        super().__init__(config, shape)
        self.channels, *size = shape.image
        self.size = (size[0], size[1])
        longer = max(self.size)
        # auto is resolved before a network is made
        assert isinstance(config.canvas, float)
        assert isinstance(config.every_row, int)
        side = round(config.canvas * longer)
        side += (side - longer) % 2  # so that pixel centres coincide at pose zero
        self.extent = (side - 1) / max(longer - 1, 1)
        drawn_px = longer if isinstance(config.drawing_px, str) else config.drawing_px
        square = min(round(side * drawn_px / longer), MOST_DRAWN_PX)
        line = limited((1, side), MOST_DRAWN_PX)
        self.drawn = line if is_curve(self.size[0]) else (square, square)
        n_out = self.channels * math.prod(self.drawn)
        self.net = mlp(shape.n_content, shape.hidden, config.activation, n_out)
        self.every_row = min(config.every_row, self.size[0])

    def forward(self, content: Tensor, pose: Pose, subset: PixelSubset | None = None) -> Tensor:
        """(N, d) and N poses → (N, C, P), of all rows or a subset."""
        *layers, last = self.net
        assert isinstance(last, nn.Linear)
        for layer in layers:
            content = layer(content)
        # The bias, which holds the level of all images, is added in full precision: autocast would
        # round it with the rest, and what is faint on a bright ground with it.
        drawing = F.linear(content, last.weight).float() + last.bias
        canvas = drawing.unflatten(1, (self.channels, *self.drawn))
        rows = (
            slice(subset.first, None, subset.step)
            if isinstance(subset, RowSubset)
            else slice(None)
        )
        return place(canvas, pose, self.size, extent=self.extent, rows=rows).flatten(2)

    def draw_subset(self, n_images: int, device: torch.device) -> RowSubset | None:
        """Every n-th row, from a random first one."""
        del n_images, device
        if self.every_row == 1:
            return None
        return RowSubset(random.choice(self.every_row), self.every_row, self.size[1])
