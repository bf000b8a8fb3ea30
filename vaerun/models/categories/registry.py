"""Categories by name, and that of a model without a class."""

from dataclasses import dataclass

from torch import Tensor

from vaerun.config.schema import field
from vaerun.models.categories.base import Category, log_bins
from vaerun.models.categories.conditional import Conditional
from vaerun.models.categories.inferred import ClassifierClass, EnumeratedClass, GumbelSoftmaxClass
from vaerun.models.categories.regressed import RegressedTarget
from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior


@dataclass(frozen=True, kw_only=True, slots=True)
class NoneConfig:
    """Options of a model without a class."""

    name: str = field("where the class comes from", choices=["none"])


class NoCategory(Category):
    """Content and pose alone."""

    Config = NoneConfig

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k, ζ | x)."""
        del x, condition
        log_bin, rest = log_bins(numbers)
        return Posterior(log_bin, latents.posterior(rest))


# `model.category.name` → its class; its options are its `Config`
CATEGORIES: dict[str, type[Category]] = {
    "none": NoCategory,
    "conditional": Conditional,
    "enumerated": EnumeratedClass,
    "classifier": ClassifierClass,
    "gumbel_softmax": GumbelSoftmaxClass,
    "regressed": RegressedTarget,
}
