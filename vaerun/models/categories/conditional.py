"""A condition that the data know: the class, factors, or both."""

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

# B images, K bins, J classes, n numbers of a condition, D latents.

_STEPS = 5  # values of a continuous condition that are drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionalConfig:
    """Options of a known condition."""

    name: str = field("where the class comes from", choices=["conditional"])
    condition: list[str] = field("what is told: class, or any factor the data set knows")


class Conditional(Category):
    """The condition is known of every image: the class as one-hot, factors scaled to [−1, 1]."""

    Config = ConditionalConfig

    def __init__(self, config: ConditionalConfig, shape: DataShape, activation: str) -> None:
        super().__init__()
        del activation
        self.names = list(config.condition)
        _check_condition(self.names, shape)
        self.n_data_classes = shape.n_classes if "class" in self.names else 0
        self.factors = [name for name in self.names if name != "class"]
        ranges = [shape.ranges[name] for name in self.factors]
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.tensor([low for low, _ in ranges]), persistent=False)
        self.register_buffer("high", torch.tensor([high for _, high in ranges]), persistent=False)
        self.n_told = self.n_encoder_inputs = self.n_data_classes + len(self.factors)

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """A score where there are several bins, and q(ζ)."""
        return (n_bins > 1) + 2 * dim

    def encoder_input(self, condition: Tensor | None) -> Tensor | None:
        """The condition, (B, 1, n)."""
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
            If an image has no label, or a factor is not known.
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
        return self.told(torch.cat(parts, dim=1))

    def told(self, plain: Tensor) -> Tensor:
        """The class as it is, factors scaled to [−1, 1] over their range in training."""
        known, values = plain[:, : self.n_data_classes], plain[:, self.n_data_classes :]
        low, high = self.low.to(plain.device), self.high.to(plain.device)
        return torch.cat([known, (values - low) / (high - low) * 2 - 1], dim=1)

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Every class, factors at the middle; without classes, steps along the first factor."""
        if self.n_data_classes:
            told = torch.zeros(self.n_data_classes, self.n_told)
            told[:, : self.n_data_classes] = torch.eye(self.n_data_classes)
            return list(zip(classes, told, strict=True))
        found = []
        for share in torch.linspace(-1, 1, _STEPS):
            told = torch.zeros(self.n_told)
            told[0] = share
            value = float(self.low[0] + (share + 1) / 2 * (self.high[0] - self.low[0]))
            found.append((factor_name(self.factors[0], value), told))
        return found


def _check_condition(names: Sequence[str], shape: DataShape) -> None:
    known = [*(["class"] if shape.n_classes else []), *shape.ranges]
    wanted = ",".join(names)
    if not names or len(set(names)) < len(names):
        raise UserError(
            f"model.category.condition=[{wanted}] names nothing, or one thing twice",
            f"name some of {', '.join(known)}",
        )
    for name in names:
        if name not in known:
            raise UserError(
                f"model.category.condition=[{wanted}]: the data set knows no {name}",
                f"name some of {', '.join(known)}"
                if known
                else "use model=rvae, or say what is known: your own images by data.label= and "
                "data.factors=",
            )


def factor_name(name: str, value: float) -> str:
    """A value of a factor as it is written over a picture."""
    if name in ("angle", "shear"):
        return f"{name} {round(math.degrees(value))}°".replace("-", "−")
    return f"{name.replace('_', ' ')} {value + 0:.3g}".replace("-", "−")
