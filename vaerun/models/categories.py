"""Where a model's class comes from: nowhere, the data, a sum over every class, a relaxed draw.

Each reads the encoder's numbers into the same `Posterior`, so the bound knows no difference.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.sets import DataShape
from vaerun.errors import UserError
from vaerun.latents import Latents
from vaerun.models.posterior import Posterior
from vaerun.nets.mlp import mlp
from vaerun.schema import option

# B images, K bins, J classes, n numbers of a condition, D latents.

_STEPS = 5  # values of a continuous condition that are drawn


class Category(nn.Module, ABC):
    """Abstract: what stands for the class at encoder and decoder, and how it is inferred.

    Attributes
    ----------
    Config
        Dataclass of its options.
    n_classes
        J classes that are inferred, 0 if none are.
    n_told
        Numbers n that tell the decoder of the class.
    n_encoder_inputs
        Numbers n that tell the encoder, 0 if it is told nothing.
    n_data_classes
        Classes of the data set that the model is told of every image, 0 if it is told none.
    factors
        Factors of the data set that it is told of every image.
    """

    Config: ClassVar[type]
    n_classes: int = 0
    n_told: int = 0
    n_encoder_inputs: int = 0
    n_data_classes: int = 0
    factors: Sequence[str] = ()

    @abstractmethod
    def n_numbers(self, n_bins: int, dim: int) -> int:
        """Numbers that the encoder gives for each copy (and class it is told)."""

    @abstractmethod
    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """From images and the encoder's numbers (B, K, J or 1, …) to the posterior."""

    def encoder_input(self, condition: Tensor | None) -> Tensor | None:
        """What the encoder is told, (B or 1, J or 1, n)."""
        del condition
        return None

    def condition(self, label: Tensor, factors: Mapping[str, Tensor]) -> Tensor | None:
        """What is known of N images as (N, n) numbers, for a model that wants it."""
        del label, factors
        return None

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Values (n,) worth drawing a manifold of, with their names; empty without a class.

        Parameters
        ----------
        classes
            Names of the classes that are told or inferred.
        """
        del classes
        return []


@dataclass(frozen=True, kw_only=True, slots=True)
class NoneConfig:
    """Options of a model without a class."""

    name: str = option("where the class comes from", choices=["none"])


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
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """q(k, ζ | x)."""
        del x, condition
        log_bin, rest = _log_bins(numbers)
        return Posterior(log_bin, latents.posterior(rest))


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenConfig:
    """Options of a known condition."""

    name: str = option("where the class comes from", choices=["given"])
    condition: list[str] = option("what is told: class, or any factor the data set knows")


class Given(Category):
    """The condition is known of every image: the class as one-hot, factors scaled to [−1, 1]."""

    Config = GivenConfig

    def __init__(self, config: GivenConfig, shape: DataShape, activation: str) -> None:
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
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """q(k, ζ | x, c)."""
        del x
        assert condition is not None
        log_bin, rest = _log_bins(numbers)
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
        for i, name in enumerate(self.factors):
            if name not in factors:
                raise UserError(f"the factor {name} is not known", f"give {name} of each image")
            low, high = self.low[i].to(label.device), self.high[i].to(label.device)
            parts.append(((factors[name] - low) / (high - low) * 2 - 1)[:, None])
        return torch.cat(parts, dim=1)

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
            found.append((_factor_name(self.factors[0], value), told))
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class InferredConfig:
    """Options that all inferred classes share."""

    name: str = option("where the class comes from", choices=["summed", "classifier", "gumbel"])
    n_classes: int | None = option("classes J; null: as many as the data set has", min=2, max=1024)


class Inferred(Category):
    """Abstract: a class that is inferred, one-hot to the decoder."""

    def __init__(self, config: InferredConfig, shape: DataShape, activation: str) -> None:
        super().__init__()
        del activation
        n_classes = config.n_classes or shape.n_classes
        if n_classes < 2:
            raise UserError(
                "the data set has no classes to infer how many there are",
                "give model.category.n_classes, as in model.category.n_classes=2",
            )
        self.n_classes = self.n_told = n_classes
        self.every: Tensor
        self.register_buffer("every", torch.eye(n_classes), persistent=False)

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Every class."""
        return list(zip(classes, self.every, strict=True))


class Summed(Inferred):
    """One encoder scores every bin and class at once; the bound sums over all of them."""

    Config = InferredConfig

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """A score and q(ζ) for each class."""
        del n_bins
        return self.n_classes * (1 + 2 * dim)

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """q(k, y, ζ | x)."""
        del x, condition
        by_class = numbers[:, :, 0].unflatten(-1, (self.n_classes, -1))  # (B, K, J, 1 + 2·D)
        log_q = by_class[..., 0].flatten(1).log_softmax(-1).view(by_class.shape[:3])
        return Posterior(
            log_q, latents.posterior(by_class[..., 1:]), self.every[None, None], log_q.logsumexp(1)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig(InferredConfig):
    """Options of a classifier of its own."""

    hidden: list[int] = option("widths of the classifier's hidden layers", min=1, max=65536)


class Classifier(Inferred):
    """A network of its own gives q(y | x), the encoder sees image and class (pyroVED's ssVAE)."""

    Config = ClassifierConfig

    def __init__(self, config: ClassifierConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.n_encoder_inputs = self.n_classes
        self.net = mlp(math.prod(shape.image), config.hidden, activation, self.n_classes)

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """A score where there are several bins, and q(ζ)."""
        return (n_bins > 1) + 2 * dim

    def encoder_input(self, condition: Tensor | None) -> Tensor:
        """Every class, (1, J, n)."""
        del condition
        return self.every[None]

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """q(y | x) q(k, ζ | x, y)."""
        del condition
        log_class = self.net(x.flatten(1)).float().log_softmax(-1)  # (B, J)
        log_bin, rest = _log_bins(numbers)
        return Posterior(
            log_bin + log_class[:, None],
            latents.posterior(rest),
            self.every[None, None],
            log_class,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GumbelConfig(InferredConfig):
    """Options of a relaxed class."""

    temperature: float = option("τ of the relaxation; 0.67 in AtomAI", above=0.0)


class Gumbel(Inferred):
    """One class is drawn, softened so that gradients pass (Gumbel-softmax; AtomAI's jrVAE).

    Content and pose do not depend on it, and nothing is summed: one image is decoded where
    `Summed` decodes J.
    """

    Config = GumbelConfig

    def __init__(self, config: GumbelConfig, shape: DataShape, activation: str) -> None:
        super().__init__(config, shape, activation)
        self.temperature = config.temperature

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """A score where there are several bins, J logits, and q(ζ)."""
        return (n_bins > 1) + self.n_classes + 2 * dim

    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: Latents
    ) -> Posterior:
        """q(k | x) q(ζ | x, k), and a relaxed draw of y from q(y | x, k)."""
        del x, condition
        log_bin, rest = _log_bins(numbers)  # (B, K, 1)
        log_y = rest[..., : self.n_classes].log_softmax(-1)  # (B, K, 1, J)
        relaxed = F.gumbel_softmax(log_y, tau=self.temperature)
        kl = math.log(self.n_classes) + (log_y.exp() * log_y).sum(-1)
        log_class = (log_bin[..., None] + log_y).flatten(1, 2).logsumexp(1)
        posterior = latents.posterior(rest[..., self.n_classes :])
        return Posterior(log_bin, posterior, relaxed, log_class, kl)


# `model.category.name` → where the class comes from; its options are its `Config`
CATEGORIES: dict[str, type[Category]] = {
    "none": NoCategory,
    "given": Given,
    "summed": Summed,
    "classifier": Classifier,
    "gumbel": Gumbel,
}


def _log_bins(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(k | x, y) (B, K, J) from the first number, if there are several bins; and the rest."""
    if numbers.shape[1] == 1:
        return numbers.new_zeros(numbers.shape[:3]), numbers
    return numbers[..., 0].log_softmax(1), numbers[..., 1:]


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
                f"name some of {', '.join(known)}" if known else "use model=rvae",
            )


def _factor_name(name: str, value: float) -> str:
    if name in ("angle", "shear"):
        return f"{name} {round(math.degrees(value))}°".replace("-", "−")
    return f"{name.replace('_', ' ')} {value + 0:.3g}".replace("-", "−")


def build(config: Any, shape: DataShape, activation: str) -> Category:
    """The category of a config, for a data set."""
    chosen: Any = CATEGORIES[config.name]
    return chosen(config, shape, activation)
