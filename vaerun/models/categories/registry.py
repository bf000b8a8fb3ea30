"""Where a model's class comes from: nowhere, the data, a sum over every class, a relaxed draw.

Each reads the encoder's numbers into the same `Posterior`, so the bound knows no difference.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vaerun.config.schema import field
from vaerun.data.image_set import DataShape
from vaerun.models.categories.base import Category, log_bins
from vaerun.models.categories.conditional import Conditional
from vaerun.models.categories.inferred import ClassifierClass, EnumeratedClass, GumbelSoftmaxClass
from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior


@dataclass(frozen=True, kw_only=True, slots=True)
class NoneConfig:
    """Options of a model without a class."""

    name: str = field("where the class comes from", choices=["none"])


class NoCategory(Category):
    """Nothing but content and pose."""

    Config = NoneConfig

    def __init__(self, config: NoneConfig, shape: DataShape, activation: str) -> None:
        super().__init__()
        del config, shape, activation

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """A score where there are several bins, and q(ζ)."""
        return (n_bins > 1) + 2 * dim

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k, ζ | x)."""
        del x, condition
        log_bin, rest = log_bins(numbers)
        return Posterior(log_bin, latents.posterior(rest))


# `model.category.name` → where the class comes from; its options are its `Config`
CATEGORIES: dict[str, type[Category]] = {
    "none": NoCategory,
    "conditional": Conditional,
    "enumerated": EnumeratedClass,
    "classifier": ClassifierClass,
    "gumbel_softmax": GumbelSoftmaxClass,
}


def build(config: Any, shape: DataShape, activation: str) -> Category:
    """The category of a config, for a data set."""
    chosen: Any = CATEGORIES[config.name]
    return chosen(config, shape, activation)
