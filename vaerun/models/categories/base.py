"""What a class is to a model: numbers for encoder and decoder, read into one `Posterior`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from vaerun.models.latents import LatentSpace
from vaerun.models.posterior import Posterior

# B images, K bins, J classes, n numbers of a condition, D latents.


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
        self, x: Tensor, numbers: Tensor, condition: Tensor | None, latents: LatentSpace
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

    def told(self, plain: Tensor) -> Tensor:
        """What the network is told, (N, n), of a one-hot class and factors in their own units."""
        return plain

    def examples(self, classes: Sequence[str]) -> list[tuple[str, Tensor]]:
        """Values (n,) worth drawing a manifold of, with their names; empty without a class.

        Parameters
        ----------
        classes
            Names of the classes that are told or inferred.
        """
        del classes
        return []


def log_bins(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(k | x, y) (B, K, J) from the first number, if there are several bins; and the rest."""
    if numbers.shape[1] == 1:
        return numbers.new_zeros(numbers.shape[:3]), numbers
    return numbers[..., 0].log_softmax(1), numbers[..., 1:]
