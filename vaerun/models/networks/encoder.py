"""Fully connected encoder of every model.

Sizes are pyroVED's, so that parameter counts match the checkpoints published with the review.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.models.networks.decoder import ACTIVATIONS


def mlp(n_in: int, hidden: Sequence[int], activation: str, n_out: int) -> nn.Sequential:
    """Linear layers, an activation after each but the last."""
    widths = [n_in, *hidden]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_out))


class Encoder(nn.Module):
    """Views of images and class codes → the numbers from which a category makes a posterior.

    The class code adds one term to the sum of the first layer, so the costly product with the
    pixels is computed once for all classes.

    Parameters
    ----------
    n_pixels
        C·H·W.
    hidden
        Widths of the hidden layers.
    n_condition
        Numbers of a class code, 0 for none.
    n_out
        Outputs for each view and class code.
    """

    def __init__(
        self, n_pixels: int, hidden: Sequence[int], activation: str, n_condition: int, n_out: int
    ) -> None:
        super().__init__()
        self.pixels = nn.Linear(n_pixels, hidden[0])
        self.classes = nn.Linear(n_condition, hidden[0], bias=False) if n_condition else None
        self.rest = nn.Sequential(
            ACTIVATIONS[activation](), mlp(hidden[0], hidden[1:], activation, n_out)
        )

    def forward(self, views: Tensor, class_code: Tensor | None = None) -> Tensor:
        """Outputs for every view and class code.

        Parameters
        ----------
        views
            (B, K, C·H·W).
        class_code
            (1, J, n_condition) for all images, or (B, J, n_condition); None without.

        Returns
        -------
        Tensor
            (B, K, J, n_out), J = 1 without class codes.
        """
        # One matrix, pixel by pixel as `Orbit` stores views, and a contiguous copy of its product:
        # on strided inputs the following layers run image by image, a hundred times slower.
        n_images, n_views = views.shape[:2]
        columns = views.permute(2, 1, 0).flatten(1)  # (pixels, K·B)
        first = torch.addmm(self.pixels.bias[:, None], self.pixels.weight, columns)
        first = first.T.contiguous()[:, None]  # (K·B, 1, width)
        if self.classes is not None:
            assert class_code is not None
            term = self.classes(class_code)  # (1 or B, J, width)
            first = (first.unflatten(0, (n_views, n_images)) + term).flatten(0, 1)
        return self.rest(first).unflatten(0, (n_views, n_images)).transpose(0, 1)
