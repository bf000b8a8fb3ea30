"""A target in place of a class: a quantity that is known of a few images, and read from z."""

from dataclasses import dataclass

from torch import Tensor

from vaerun.config.schema import field
from vaerun.data.image_set import DataShape
from vaerun.models.categories.base import Category, log_bins
from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressedConfig:
    """Options of a target."""

    name: str = field("where the class comes from", choices=["regressed"])
    target: str | None = field("factor of the data set that is inferred where it is not known")
    known_share: float = field(
        "share of the training images of known target that it is learned from; it is hidden in "
        "the others",
        above=0.0,
        max=1.0,
    )


class RegressedTarget(Category):
    """Content and pose alone; `vaerun.models.target_readout` has the target given these.

    Notes
    -----
    A decoder that gets the target beside z (M2 of Kingma 2014) was tried. Among 5,000 images, 100
    of them labelled, either the encoder learned these by heart, or the target became a code of
    whatever varied most. Its spread knew nothing of how few the labels are.
    """

    Config = RegressedConfig

    def __init__(self, config: RegressedConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.target = config.target

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k, ζ | x)."""
        del x, condition
        log_bin, rest = log_bins(numbers)
        return Posterior(log_bin, latents.posterior(rest))
