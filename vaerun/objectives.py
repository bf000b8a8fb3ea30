"""Terms of the bound and the progress of training → the number that is minimised.

Every schedule is a function of the epoch, counted in fractions, and of nothing else.
"""

from dataclasses import dataclass

from torch import Tensor

from vaerun.models.bound import Terms
from vaerun.schema import option


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """Weights of the terms over the course of training.

    The weight of KL(z) rises linearly, or falls geometrically, from ``beta_start`` to
    ``beta_end``. A high one at first makes the decoder learn one template, to which images are
    turned, before content may tell them apart: without it a class can settle in several
    orientations. The weight of the entropy of q(h | x) falls geometrically from
    ``temperature_start`` to 1, so that no hypothesis is dismissed before the decoder has learned
    what to look for.
    """

    name: str = option("which objective", choices=["elbo"])
    beta_start: float = option("weight of KL(z) at the start", min=0.0)
    beta_end: float = option("weight of KL(z) at the end", min=0.0)
    beta_epochs: float = option("epochs from one to the other", min=0.0)
    temperature_start: float = option("weight of the entropy of q(h|x) at the start", min=1.0)
    temperature_epochs: float = option("epochs over which it falls to 1", min=0.0)


def beta(config: ObjectiveConfig, epoch: float) -> float:
    """Weight of KL(z)."""
    if epoch >= config.beta_epochs:
        return config.beta_end
    share = epoch / config.beta_epochs
    start, end = config.beta_start, config.beta_end
    if start > end > 0:
        return float(start * (end / start) ** share)
    return start + share * (end - start)


def temperature(config: ObjectiveConfig, epoch: float) -> float:
    """Weight of the entropy of q(h | x)."""
    if epoch >= config.temperature_epochs:
        return 1.0
    return float(config.temperature_start ** (1 - epoch / config.temperature_epochs))


def loss(config: ObjectiveConfig, terms: Terms, epoch: float) -> Tensor:
    """What is minimised, nats per image.

    Notes
    -----
    The prior over hypotheses is uniform, so their KL is a constant minus their entropy, and
    weighting one weights the other.
    """
    hot = temperature(config, epoch)
    weighted = (
        terms.reconstruction
        + beta(config, epoch) * terms.kl_content
        + terms.kl_pose
        + hot * (terms.kl_bin + terms.kl_class)
    )
    return weighted.mean()
