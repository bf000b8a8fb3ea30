"""Interface of a category: where the class comes from, and how encoder and decoder see it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vaerun.data.image_set import DataShape
from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior

# B images, K rotation bins, J classes, n numbers of a condition, D latents.


class Category(nn.Module, ABC):
    """Abstract: a class or condition, and the posterior over it.

    Attributes
    ----------
    Config
        Dataclass of its options.
    n_classes
        J classes that are inferred, 0 if none are.
    n_condition
        Numbers n of the class code that the decoder gets.
    n_encoder_condition
        Numbers n that the encoder gets beside the image, 0 if it gets the image alone.
    n_data_classes
        Classes of the data set that are given as a condition, 0 if they are not.
    factors
        Factors of the data set that are given as a condition.
    prior
        (J,) λ of the prior p(y) = Cat(λ) of an inferred class, sums to 1; else absent.
    learns_prior
        Whether the prior of the class follows the training images, by `InferredClass.learn_prior`.
    target
        Factor of the data set that is inferred, see `vaerun.models.target_readout`; else None.
    """

    Config: ClassVar[type]
    n_classes: int = 0
    n_condition: int = 0
    n_encoder_condition: int = 0
    n_data_classes: int = 0
    factors: Sequence[str] = ()
    prior: Tensor
    learns_prior: bool = False
    target: str | None = None

    def __init__(self, config: Any, shape: DataShape, activation: str) -> None:
        del config, shape, activation
        super().__init__()

    def n_numbers(self, n_bins: int, dim: int) -> int:
        """Encoder outputs for each rotated copy and class code: a score of the bin, and q(ζ)."""
        return (n_bins > 1) + 2 * dim

    @abstractmethod
    def posterior(
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
    ) -> Posterior:
        """Posterior from what the encoder sees (B, C, H, W) and puts out (B, K, J or 1, …)."""

    def encoder_input(self, condition: Tensor | None) -> Tensor | None:
        """Class codes for the encoder, (B or 1, J or 1, n); None where it gets the image alone."""
        del condition
        return None

    def prior_cost(self, q_class: Tensor) -> Tensor:
        """−E_q log(J·λ_y) (B,), nats, of q(y | x) (B, J) and the prior λ; 0 if it is uniform."""
        return torch.zeros_like(q_class[:, 0])

    def learn_prior(self, counts: Tensor, n_images: int) -> None:
        """Move the prior towards the classes (J,) of a batch, see `InferredClass.learn_prior`."""
        raise NotImplementedError

    def condition(self, label: Tensor, factors: Mapping[str, Tensor]) -> Tensor | None:
        """Condition (N, n) of N images; None for a model that is not conditional."""
        del label, factors
        return None

    def standardise(self, plain: Tensor) -> Tensor:
        """Condition (N, n) in the network's units, of a one-hot class and factors in theirs."""
        return plain

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Class codes (n,) to draw a manifold for, with their names; empty without a class.

        Parameters
        ----------
        classes
            Names of the classes that are given or inferred.
        """
        del classes
        return []


def log_bins(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(k | x, y) (B, K, J) from the first of the numbers, zero for one bin; and the rest."""
    if numbers.shape[1] == 1:
        return numbers.new_zeros(numbers.shape[:3]), numbers
    return numbers[..., 0].log_softmax(1), numbers[..., 1:]
