"""Encoder and decoder as graphs of tensors alone, in the units and by the names of `latents.h5`.

`vaerun.models.export` writes them for programs that know nothing of vaerun.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.geometry import Pose, pixel_size
from vaerun.models.invariant_vae import InvariantVAE, encode

# B images, any number; C H W; d content dimensions; J classes; n numbers told.


class Port(NamedTuple):
    """An input or output of a graph, float32.

    Attributes
    ----------
    name
        As in `latents.h5`.
    shape
        Without the batch, which comes first.
    meaning
        With its unit.
    """

    name: str
    shape: tuple[int, ...]
    meaning: str


class Graph(nn.Module, ABC):
    """Abstract: a part of a network with named inputs and outputs.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    idle
        Parts of it that the graph does without, and a file too.
    """

    inputs: list[Port]
    outputs: list[Port]

    def __init__(self, network: InvariantVAE, idle: Sequence[str]) -> None:
        super().__init__()
        self.network = copy.copy(network)
        used = {name: part for name, part in network._modules.items() if name not in idle}
        self.network._modules = copy.deepcopy(used)
        self.requires_grad_(False)
        self.pixel = pixel_size(*network.shape.image[1:])

    @abstractmethod
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs in order, of inputs in order."""

    @staticmethod
    @abstractmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Random inputs for n images, such as a trained network may see."""


class EncoderGraph(Graph):
    """Images → latents under their likeliest hypothesis."""

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__(network, ("decoder", "likelihood"))
        self.inputs = [
            Port("images", network.shape.image, "channel, row, column; values from 0 to 1"),
            *([_told_port(network)] if _is_conditional(network) else []),
        ]
        d = network.latents.content_dim
        self.outputs = [
            Port("z_mean", (d,), "content"),
            Port("z_sd", (d,), "its uncertainty"),
            Port("angle", (), "radians, counter-clockwise as displayed, from −π to π"),
            Port("angle_sd", (), "radians"),
            Port("shift", (2,), "row and column, pixels"),
            Port("scale", (), "factor, 1 for none"),
        ]
        if network.n_classes:
            probability = Port("class_probability", (network.n_classes,), "of each class")
            self.outputs.append(probability)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W), and what is told of the images (B, n) → the outputs, in order."""
        images, *told = inputs
        condition = self.network.category.told(told[0]) if told else None
        encoded = encode(self.network, images, condition)
        pose = encoded.pose
        out = (
            encoded.z_mean,
            encoded.z_sd,
            pose.angle,
            encoded.angle_sd,
            pose.shift / self.pixel,
            pose.scale,
        )
        return (*out, encoded.class_probability) if self.network.n_classes else out

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """What the model itself would draw, with some noise."""
        given = DecoderGraph.examples(network, n)
        (drawn,) = DecoderGraph(network)(*given)
        noisy = (drawn + 0.1 * torch.rand_like(drawn)).clamp(0, 1)
        return [noisy, given[-1]] if _is_conditional(network) else [noisy]


class DecoderGraph(Graph):
    """Content, where the decoder knows one a pose, and what is told of the class → images."""

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__(network, ("encoder", "search"))
        self.can_pose = network.decoder.can_pose
        self.is_told = network.category.n_told > 0
        self.inputs = [Port("z", (network.latents.content_dim,), "content")]
        if self.can_pose:
            self.inputs += [
                Port("angle", (), "radians, counter-clockwise as displayed; 0 for upright"),
                Port("shift", (2,), "row and column, pixels; 0 for centred"),
                Port("scale", (), "factor; 1 for none"),
            ]
        if self.is_told:
            self.inputs.append(_told_port(network))
        self.outputs = [Port("images", network.shape.image, "expected values")]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """(B, d), angle (B,), shift (B, 2), scale (B,) and told (B, n) → ((B, C, H, W),)."""
        z = inputs[0]
        told = self.network.category.told(inputs[-1]) if self.is_told else None
        if self.can_pose:
            angle, shift, scale = inputs[1:4]
            pose = Pose(angle, shift * self.pixel, scale)
        else:
            pose = Pose(z[:, 0], z[:, :2], z[:, 0])  # which the decoder does not look at
        return (self.network.generate(z, pose, told),)

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Content as in the prior, any angle, some shift and scale."""
        drawn = [torch.randn(n, network.latents.content_dim)]
        if network.decoder.can_pose:
            turns = torch.empty(n).uniform_(-math.pi, math.pi)
            drawn += [turns, torch.randn(n, 2), torch.empty(n).uniform_(0.8, 1.25)]
        return [*drawn, _example_told(network, n)] if network.category.n_told else drawn


def _told_port(network: InvariantVAE) -> Port:
    """What a model is told of the class: its one-hot number, then factors in their own units."""
    n_classes = _n_classes(network)
    of_class = [f"one-hot class of {n_classes}"] if n_classes else []
    ranges = network.shape.ranges
    factors = [
        f"{name} in the data set's units, trained from {ranges[name][0]:.4g} to "
        f"{ranges[name][1]:.4g}"
        for name in network.category.factors
    ]
    return Port("told", (network.category.n_told,), ", then ".join([*of_class, *factors]))


def _example_told(network: InvariantVAE, n: int) -> Tensor:
    n_classes = _n_classes(network)
    parts = [F.one_hot(torch.randint(n_classes, (n,)), n_classes).float()] if n_classes else []
    for name in network.category.factors:
        parts.append(torch.empty(n, 1).uniform_(*network.shape.ranges[name]))
    return torch.cat(parts, dim=1)


def _is_conditional(network: InvariantVAE) -> bool:
    """Whether the encoder, too, is told."""
    return network.category.n_encoder_inputs > 0 and not network.n_classes


def _n_classes(network: InvariantVAE) -> int:
    """Classes that it infers or is told of."""
    return network.n_classes or network.category.n_data_classes
