"""Conditional model: class, factors or both are given with every image."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.config.schema import field
from vaerun.data.image_set import DataShape
from vaerun.models.categories.base import Category, log_bins
from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior
from vaerun.utils.errors import UserError

# B images, n numbers of a condition.

_STEPS = 5  # values of a factor to draw manifolds for


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionalConfig:
    """Options of a conditional model."""

    name: str = field("where the class comes from", choices=["conditional"])
    condition: list[str] = field("what is given: class, or any factor of the data set")


class Conditional(Category):
    """Condition c of encoder and decoder: a one-hot class, and factors scaled to [−1, 1]."""

    Config = ConditionalConfig

    def __init__(self, config: ConditionalConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.names = list(config.condition)
        _check_condition(self.names, shape)
        self.n_data_classes = shape.n_classes if "class" in self.names else 0
        self.factors = [name for name in self.names if name != "class"]
        ranges = [shape.ranges[name] for name in self.factors]
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.tensor([low for low, _ in ranges]), persistent=False)
        self.register_buffer("high", torch.tensor([high for _, high in ranges]), persistent=False)
        self.n_condition = self.n_encoder_condition = self.n_data_classes + len(self.factors)

    def encoder_input(self, condition: Tensor | None) -> Tensor | None:
        """Condition as the one class code of an image, (B, 1, n)."""
        assert condition is not None
        return condition[:, None]

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k, ζ | x, c)."""
        del x
        assert condition is not None
        log_bin, rest = log_bins(numbers)
        return Posterior(log_bin, latents.posterior(rest), condition[:, None, None])

    def condition(self, label: Tensor, factors: Mapping[str, Tensor]) -> Tensor:
        """One-hot class and scaled factors, (N, n).

        Raises
        ------
        UserError
            If an image has no label, or a factor is missing.
        """
        parts = []
        if self.n_data_classes:
            if len(label) and (int(label.min()) < 0 or int(label.max()) >= self.n_data_classes):
                raise UserError(
                    "the condition of some images is not known: they have no class",
                    f"label each image with a class from 0 to {self.n_data_classes - 1}",
                )
            parts.append(F.one_hot(label, self.n_data_classes).float())
        for name in self.factors:
            if name not in factors:
                raise UserError(f"the factor {name} is not known", f"give {name} of each image")
            parts.append(factors[name][:, None])
        return self.standardise(torch.cat(parts, dim=1))

    def standardise(self, plain: Tensor) -> Tensor:
        """Condition (N, n) with factors scaled to [−1, 1] over their range in training."""
        one_hot, values = plain[:, : self.n_data_classes], plain[:, self.n_data_classes :]
        low, high = self.low.to(plain.device), self.high.to(plain.device)
        return torch.cat([one_hot, (values - low) / (high - low) * 2 - 1], dim=1)

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Class codes of every class, factors at their middle; without, of steps of one factor."""
        if self.n_data_classes:
            codes = torch.eye(self.n_data_classes, self.n_condition)
            return list(zip(classes, codes, strict=True))
        examples = []
        for share in torch.linspace(-1, 1, _STEPS):
            code = torch.zeros(self.n_condition)
            code[0] = share
            value = float(self.low[0] + (share + 1) / 2 * (self.high[0] - self.low[0]))
            examples.append((factor_name(self.factors[0], value), code))
        return examples


def _check_condition(names: Sequence[str], shape: DataShape) -> None:
    available = [*(["class"] if shape.n_classes else []), *shape.ranges]
    wanted = ",".join(names)
    if not names or len(set(names)) < len(names):
        raise UserError(
            f"model.category.condition=[{wanted}] names nothing, or one thing twice",
            f"name some of {', '.join(available)}",
        )
    for name in names:
        if name not in available:
            raise UserError(
                f"model.category.condition=[{wanted}]: the data set has no {name}",
                f"name some of {', '.join(available)}"
                if available
                else "use model=rvae, or name labels or factors of your own images by data.label= "
                "or data.factors=",
            )


def factor_name(name: str, value: float) -> str:
    """Name and value of a factor, as the title of an image; angles (radians) in degrees."""
    if name in ("angle", "shear"):
        return f"{name} {round(math.degrees(value))}°".replace("-", "−")
    return f"{name.replace('_', ' ')} {value + 0:.3g}".replace("-", "−")
