"""Encoder and decoder as graphs of tensors with the names and units of `latents.h5`.

`vaerun.models.export` writes them for programs without vaerun.
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

# B images, C H W, d content dimensions, J classes, n numbers of a condition.


class Port(NamedTuple):
    """An input or output of a graph, float32.

    Attributes
    ----------
    name
        As in `latents.h5`.
    shape
        Without the batch dimension, which is the first.
    meaning
        Description with its unit.
    """

    name: str
    shape: tuple[int, ...]
    meaning: str


class Graph(nn.Module, ABC):
    """Abstract: part of a network with named inputs and outputs.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    unused
        Names of its modules that are left out of the file.
    """

    inputs: list[Port]
    outputs: list[Port]

    def __init__(self, network: InvariantVAE, unused: Sequence[str]) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        for name in unused:
            delattr(self.network, name)
        self.requires_grad_(False)
        self.pixel = pixel_size(*network.shape.image[1:])

    @abstractmethod
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of `outputs`, of inputs in the order of `inputs`."""

    @staticmethod
    @abstractmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Random inputs for n images, similar to those of a trained network."""


class EncoderGraph(Graph):
    """Images → latents under the likeliest hypothesis."""

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__(network, ("decoder", "likelihood"))
        self.inputs = [
            Port("images", network.shape.image, "channel, row, column; values from 0 to 1"),
            *([_condition_port(network)] if _is_conditional(network) else []),
        ]
        d = network.latents.content_dim
        self.outputs = [
            Port("z_mean", (d,), "content"),
            Port("z_sd", (d,), "sd of the content"),
            Port("angle", (), "radians, counter-clockwise as displayed, from −π to π"),
            Port("angle_sd", (), "radians"),
            Port("shift", (2,), "row and column, pixels"),
            Port("scale", (), "factor, 1 for none"),
        ]
        if network.n_classes:
            probability = Port("class_probability", (network.n_classes,), "of each class")
            self.outputs.append(probability)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) and, for a conditional model, conditions (B, n) → outputs."""
        images, *plain = inputs
        condition = self.network.category.standardise(plain[0]) if plain else None
        latents = encode(self.network, images, condition).by_name(self.pixel)
        return tuple(latents[port.name] for port in self.outputs)

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Images decoded from random latents, with some noise."""
        if network.variant.predicts:  # what is drawn are no images to encode
            return [torch.rand(n, *network.shape.image)]
        given = DecoderGraph.examples(network, n)
        (drawn,) = DecoderGraph(network)(*given)
        noisy = (drawn + 0.1 * torch.rand_like(drawn)).clamp(0, 1)
        return [noisy, given[-1]] if _is_conditional(network) else [noisy]


class DecoderGraph(Graph):
    """Content, with pose and condition or class where the decoder takes them → images."""

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__(network, ("encoder", "search"))
        self.can_pose = network.decoder.can_pose
        self.has_condition = network.category.n_condition > 0
        self.inputs = [Port("z", (network.latents.content_dim,), "content")]
        if self.can_pose:
            self.inputs += [
                Port(
                    "angle",
                    (),
                    "radians, counter-clockwise as displayed; 0 for the canonical orientation",
                ),
                Port("shift", (2,), "row and column, pixels; 0 for centred"),
                Port("scale", (), "factor; 1 for none"),
            ]
        if self.has_condition:
            self.inputs.append(_condition_port(network))
        self.outputs = [Port("images", network.drawn, "expected values")]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Content (B, d), angle (B,), shift (B, 2), scale (B,), condition (B, n) → images."""
        z = inputs[0]
        code = self.network.category.standardise(inputs[-1]) if self.has_condition else None
        if self.can_pose:
            angle, shift, scale = inputs[1:4]
            pose = Pose(angle, shift * self.pixel, scale)
        else:
            pose = Pose.identity(z.shape[0])
        return (self.network.generate(z, pose, code),)

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Content from its prior, any angle, some shift and scale."""
        drawn = [torch.randn(n, network.latents.content_dim)]
        if network.decoder.can_pose:
            turns = torch.empty(n).uniform_(-math.pi, math.pi)
            drawn += [turns, torch.randn(n, 2), torch.empty(n).uniform_(0.8, 1.25)]
        return [*drawn, _example_condition(network, n)] if network.category.n_condition else drawn


def _condition_port(network: InvariantVAE) -> Port:
    """Input of a condition: the one-hot class, then factors in their own units."""
    n_classes = _n_classes(network)
    of_class = [f"one-hot class of {n_classes}"] if n_classes else []
    ranges = network.shape.ranges
    factors = [
        f"{name} in the data set's units, trained from {ranges[name][0]:.4g} to "
        f"{ranges[name][1]:.4g}"
        for name in network.category.factors
    ]
    return Port(
        "condition", (network.category.n_condition,), ", then ".join([*of_class, *factors])
    )


def _example_condition(network: InvariantVAE, n: int) -> Tensor:
    n_classes = _n_classes(network)
    parts = [F.one_hot(torch.randint(n_classes, (n,)), n_classes).float()] if n_classes else []
    for name in network.category.factors:
        parts.append(torch.empty(n, 1).uniform_(*network.shape.ranges[name]))
    return torch.cat(parts, dim=1)


def _is_conditional(network: InvariantVAE) -> bool:
    """Whether the encoder takes a condition, too."""
    return network.category.n_encoder_condition > 0 and not network.n_classes


def _n_classes(network: InvariantVAE) -> int:
    """Number of classes that are inferred or given."""
    return network.n_classes or network.category.n_data_classes
