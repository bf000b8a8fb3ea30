"""Inferred classes: enumerated by the encoder, by a classifier of their own, or relaxed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vaerun.config.schema import field
from vaerun.data.image_set import DataShape
from vaerun.models.categories.base import Category, log_bins
from vaerun.models.latents import LatentSpace
from vaerun.models.networks.encoder import mlp
from vaerun.models.networks.resolution import MOST_SEEN_PX, seen_shape
from vaerun.models.posterior import Posterior
from vaerun.utils import random
from vaerun.utils.errors import UserError

# B images, K rotation bins, J classes, D latents.

_PSEUDO_COUNT = 0.01  # of all classes together, over the number of images


@dataclass(frozen=True, kw_only=True, slots=True)
class InferredClassConfig:
    """Options that all inferred classes share."""

    name: str = field(
        "where the class comes from", choices=["enumerated", "classifier", "gumbel_softmax"]
    )
    n_classes: int | str | None = field(
        "classes J; null: as many as the data set has; auto: as many as clustering finds",
        min=2,
        max=1024,
        choices=["auto"],
    )
    prior: str | list[float] = field(
        "prior of the class: learned, uniform, or its share of the images, in any unit",
        choices=["learned", "uniform"],
        above=0.0,
    )


class InferredClass(Category):
    """Abstract: an inferred class, one-hot for the decoder."""

    def __init__(self, config: InferredClassConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        assert config.n_classes != "auto"  # a number by now, see `vaerun.training.auto_keys`
        n_classes = int(config.n_classes or shape.n_classes)
        if n_classes < 2:
            has = "one alone" if n_classes else "none"
            raise UserError(
                f"the number of classes is not known: the data set has {has}",
                "set model.category.n_classes=auto, or give it, as in model.category.n_classes=2",
            )
        self.n_classes = self.n_condition = n_classes
        self.learns_prior = config.prior == "learned"
        self.register_buffer("prior", _first_prior(config.prior, n_classes))
        self.every: Tensor
        self.register_buffer("every", torch.eye(n_classes), persistent=False)

    def prior_cost(self, q_class: Tensor) -> Tensor:
        """−E_q log(J·λ_y) (B,), nats, of q(y | x) (B, J)."""
        return -(q_class * (self.n_classes * self.prior).log()).sum(1)

    @torch.no_grad()
    def learn_prior(self, counts: Tensor, n_images: int) -> None:
        """Move λ towards the classes of a batch, by as much of the way as its share of an epoch.

        Parameters
        ----------
        counts
            (J,) images of the batch in each class, as sums of probabilities.
        n_images
            Images of an epoch.

        Notes
        -----
        The λ that maximises the bound is the mean of q(y | x) over the training images. This is
        its moving average with a time constant of an epoch, from a uniform start, under a
        Dirichlet prior of λ whose pseudo-counts add up to 1 % of the images. No λ falls below
        0.01 / (1.01·J), so a class that lost all its images costs ln J + 4.6 nats to return to.
        """
        n = counts.sum()
        smoothed = (counts + _PSEUDO_COUNT * n / self.n_classes) / (1 + _PSEUDO_COUNT)
        self.prior += ((smoothed - self.prior * n) / n_images).to(self.prior.dtype)

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """One-hot code of every class."""
        return list(zip(classes, self.every, strict=True))


def _first_prior(prior: str | list[float], n_classes: int) -> Tensor:
    """λ (J,) at the start of training: as given, else uniform."""
    if isinstance(prior, str):
        return torch.full((n_classes,), 1 / n_classes)
    if len(prior) != n_classes:
        raise UserError(
            f"model.category.prior has {len(prior)} numbers for {n_classes} classes",
            "give one for each class, or model.category.prior=learned",
        )
    shares = torch.tensor(prior, dtype=torch.float64)
    return (shares / shares.sum()).float().clamp_min(1e-30)  # so that its logarithm is finite


class EnumeratedClass(InferredClass):
    """The encoder scores every rotation bin and class; the bound sums over all of them."""

    Config = InferredClassConfig

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """Encoder outputs for each rotated copy: a score and q(ζ) of every class."""
        del n_bins
        return self.n_classes * (1 + 2 * dim)

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k, y, ζ | x)."""
        del x, condition
        by_class = numbers[:, :, 0].unflatten(-1, (self.n_classes, -1))  # (B, K, J, 1 + 2·D)
        log_q = by_class[..., 0].flatten(1).log_softmax(-1).view(by_class.shape[:3])
        return Posterior(
            log_q, latents.posterior(by_class[..., 1:]), self.every[None, None], log_q.logsumexp(1)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig(InferredClassConfig):
    """Options of a separate classifier."""

    hidden: list[int] = field("widths of the classifier's hidden layers", min=1, max=65536)


class ClassifierClass(InferredClass):
    """A separate network gives q(y | x), the encoder sees image and class (pyroVED's ssVAE)."""

    Config = ClassifierConfig

    def __init__(self, config: ClassifierConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.n_encoder_condition = self.n_classes
        n_pixels = math.prod(seen_shape(shape.image, MOST_SEEN_PX))
        self.net = mlp(n_pixels, config.hidden, activation, self.n_classes)

    def encoder_input(self, condition: Tensor | None) -> Tensor:
        """One-hot codes of all classes, (1, J, J)."""
        del condition
        return self.every[None]

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(y | x) q(k, ζ | x, y)."""
        del condition
        log_class = self.net(x.flatten(1)).float().log_softmax(-1)  # (B, J)
        log_bin, rest = log_bins(numbers)
        return Posterior(
            log_bin + log_class[:, None],
            latents.posterior(rest),
            self.every[None, None],
            log_class,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GumbelSoftmaxConfig(InferredClassConfig):
    """Options of a relaxed class."""

    temperature: float = field("temperature τ of the relaxation; 0.67 in AtomAI", above=0.0)


class GumbelSoftmaxClass(InferredClass):
    """The class is a relaxed one-hot draw, so that gradients pass (Jang 2017; AtomAI's jrVAE).

    Content and pose do not depend on it: one image is decoded where `EnumeratedClass` decodes J.
    """

    Config = GumbelSoftmaxConfig

    def __init__(self, config: GumbelSoftmaxConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.temperature = config.temperature

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """Encoder outputs for each rotated copy: a score of the bin, J logits, and q(ζ)."""
        return self.n_classes + super().n_numbers(n_bins, dim)

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """q(k | x) q(ζ | x, k), and a relaxed draw of y from q(y | x, k)."""
        del x, condition
        log_bin, rest = log_bins(numbers)  # (B, K, 1)
        log_y = rest[..., : self.n_classes].log_softmax(-1)  # (B, K, 1, J)
        gumbel = -random.exponential(log_y).log()
        relaxed = ((log_y + gumbel) / self.temperature).softmax(-1)
        log_class = (log_bin[..., None] + log_y).flatten(1, 2).logsumexp(1)
        posterior = latents.posterior(rest[..., self.n_classes :])
        return Posterior(log_bin, posterior, relaxed, log_class, log_y)
