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

from vaerun.geometry import Pose, is_curve, pixel_size
from vaerun.models.invariant_vae import InvariantVAE, encode, restore
from vaerun.models.prediction import Predictor
from vaerun.models.readout_graph import ReadoutGraph
from vaerun.models.target_readout import TargetReadout

# B images, C H W, d content dimensions, J classes, n numbers of a condition, m dimensions of a
# shift. Curves of L points are images (C, 1, L).


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
    in_units
        Whether numbers are in units of the user's, and may all be far below 1.
    """

    name: str
    shape: tuple[int, ...]
    meaning: str
    in_units: bool = False


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
        self.step = network.shape.axis_step or 1.0  # of curves

    @abstractmethod
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of `outputs`, of inputs in the order of `inputs`."""

    @staticmethod
    @abstractmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Random inputs for n images, similar to those of a trained network."""


class EncoderGraph(Graph):
    """Images → latents under the likeliest hypothesis, and the target where one is inferred.

    Parameters
    ----------
    readout
        What was learned of a target; None for a model that infers none.
    """

    def __init__(self, network: InvariantVAE, readout: TargetReadout | None = None) -> None:
        has_gain = network.brightness is not None
        super().__init__(network, () if has_gain else ("decoder", "likelihood"))
        self.readout = None if readout is None else ReadoutGraph(readout)
        self.inputs = [_images_port(network)]
        self.inputs += [_condition_port(network)] if _is_conditional(network) else []
        d = network.latents.content_dim
        self.outputs = [
            Port("z_mean", (d,), "content"),
            Port("z_sd", (d,), "sd of the content"),
            Port("angle", (), "radians, counter-clockwise as displayed, from −π to π"),
            Port("angle_sd", (), "radians"),
            _shift_port(network),
            Port("scale", (), "factor, 1 for none"),
        ]
        if has_gain:
            self.outputs += [
                Port("gain", (), "factor of the drawing, in the middle of the image"),
                Port("offset", (), "what is added to the drawing, in the middle of the image"),
            ]
        if network.n_classes:
            probability = Port("class_probability", (network.n_classes,), "of each class")
            self.outputs.append(probability)
        if readout is not None:
            name = network.category.target
            self.outputs += [
                Port("target_mean", (), f"{name}, in its unit", in_units=True),
                Port("target_sd", (), f"sd of {name}, in its unit", in_units=True),
            ]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) and, for a conditional model, conditions (B, n) → outputs."""
        images, *plain = inputs
        network = self.network
        condition = network.category.standardise(plain[0]) if plain else None
        encoded = encode(network, images, condition)
        latents = encoded.by_name(self.pixel)
        latents["shift"] = latents["shift"][:, -network.latents.n_shifts :] * self.step
        if network.brightness is not None:
            latents |= restore(network, images, encoded)[1]
        if self.readout is not None:
            one = torch.ones_like(latents["scale"])
            gain, offset = latents.get("gain", one), latents.get("offset", 0 * one)
            target = self.readout(latents["z_mean"], latents["scale"], gain, offset)
            latents |= dict(zip(("target_mean", "target_sd"), target, strict=True))
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
                _shift_port(network),
                Port("scale", (), "factor; 1 for none"),
            ]
        if self.has_condition:
            self.inputs.append(_condition_port(network))
        what = "predicted values, from 0 to 1" if network.variant.predicts else "expected values"
        self.outputs = [Port("images", network.drawn, what)]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Content (B, d), angle (B,), shift (B, m), scale (B,), condition (B, n) → images."""
        z = inputs[0]
        code = self.network.category.standardise(inputs[-1]) if self.has_condition else None
        if self.can_pose:
            angle, shift, scale = inputs[1:4]
            n_shifts = self.network.latents.n_shifts
            shift = F.pad(shift * (self.pixel / self.step), (2 - n_shifts, 0))
            pose = Pose(angle, shift, scale)
        else:
            pose = Pose.identity(z.shape[0])
        return (self.network.generate(z, pose, code),)

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Content from its prior, any angle, some shift and scale."""
        drawn = [torch.randn(n, network.latents.content_dim)]
        if network.decoder.can_pose:
            step = network.shape.axis_step or 1.0
            turns = torch.empty(n).uniform_(-math.pi, math.pi)
            shift = step * torch.randn(n, network.latents.n_shifts)
            drawn += [turns, shift, torch.empty(n).uniform_(0.8, 1.25)]
        return [*drawn, _example_condition(network, n)] if network.category.n_condition else drawn


class PredictorGraph(Graph):
    """Images → mean and sd of what a variational encoder–decoder predicts of them."""

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__(network, ())
        self.predictor = Predictor(self.network)
        window = network.shape.target_window or (0.0, 1.0)
        self.low, self.width = window[0], window[1] - window[0]
        self.inputs = [_images_port(network)]
        unit = "in the units of the targets' file" if network.shape.target_window else "0 to 1"
        self.outputs = [
            Port("prediction_mean", network.drawn, unit, in_units=True),
            Port("prediction_sd", network.drawn, f"spread, {unit}", in_units=True),
        ]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) → mean and sd (B, C', H', W')."""
        mean, sd = self.predictor(inputs[0])
        return self.low + self.width * mean, self.width * sd

    @staticmethod
    def examples(network: InvariantVAE, n: int) -> list[Tensor]:
        """Random images."""
        return EncoderGraph.examples(network, n)


def _images_port(network: InvariantVAE) -> Port:
    """Input of images or curves."""
    axes = "channel, 1, point" if is_curve(network.shape.image[1]) else "channel, row, column"
    return Port("images", network.shape.image, f"{axes}; values from 0 to 1")


def _shift_port(network: InvariantVAE) -> Port:
    """Shift of images or curves, as an input or an output."""
    meaning = "row and column, pixels; 0 for centred"
    if is_curve(network.shape.image[1]):
        unit = "points" if network.shape.axis_step is None else "in units of the axis"
        return Port("shift", (1,), f"along the curve, {unit}", in_units=True)
    return Port("shift", (2,), meaning)


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
