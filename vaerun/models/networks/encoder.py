"""Plain fully connected networks: the encoder of every model, and the decoder without a pose.

Sizes follow pyroVED, so that parameter counts match the paper's checkpoints (FACTS).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.models.networks.decoder import ACTIVATIONS


def mlp(n_in: int, hidden: Sequence[int], activation: str, n_out: int) -> nn.Sequential:
    """Linear layers with an activation after each but the last."""
    widths = [n_in, *hidden]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_out))


class Encoder(nn.Module):
    """Images, with the class where there is one, → the numbers a posterior is made of.

    What is told of the class enters the first layer only as one more term of its sum, so the dear
    product with the pixels is done once, however many classes are tried.

    Parameters
    ----------
    n_pixels
        C·H·W.
    hidden
        Widths of the hidden layers.
    n_told
        Numbers that tell of the class, 0 for none.
    n_out
        Numbers wanted for each copy and class.
    """

    def __init__(
        self, n_pixels: int, hidden: Sequence[int], activation: str, n_told: int, n_out: int
    ) -> None:
        super().__init__()
        self.pixels = nn.Linear(n_pixels, hidden[0])
        self.classes = nn.Linear(n_told, hidden[0], bias=False) if n_told else None
        self.rest = nn.Sequential(
            ACTIVATIONS[activation](), mlp(hidden[0], hidden[1:], activation, n_out)
        )

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Numbers for every image and class.

        Parameters
        ----------
        images
            (B, K, C·H·W).
        y
            (1, J, n_told) classes to try with every image, or (B, J, n_told); None without.

        Returns
        -------
        Tensor
            (B, K, J, n_out), J = 1 without classes.
        """
        # One matrix, pixel by pixel as copies lie in memory, and its product laid out anew: with
        # strided inputs the layers that follow would do image by image, a hundred times slower.
        n_images, n_copies = images.shape[:2]
        columns = images.permute(2, 1, 0).flatten(1)  # (pixels, K·B)
        first = torch.addmm(self.pixels.bias[:, None], self.pixels.weight, columns)
        first = first.T.contiguous()[:, None]  # (K·B, 1, width)
        if self.classes is not None:
            assert y is not None
            told = self.classes(y)  # (1 or B, J, width)
            first = (first.unflatten(0, (n_copies, n_images)) + told).flatten(0, 1)
        return self.rest(first).unflatten(0, (n_copies, n_images)).transpose(0, 1)
