"""Fully connected encoder of every model.

Sizes are pyroVED's, so that parameter counts match the checkpoints published with the review.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vaerun.models.networks.decoder import ACTIVATIONS

# N = K·B views of B images in K rotation bins, P = C·H·W pixels, J classes (1 without).

_NO_GRADIENT = 1e-6  # of the largest of all views, which rounding reaches
_MOST_FOLLOWED = 0.7  # share of the views up to which picking them pays


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
    pixels is computed once for all classes. Views whose numbers the loss does not depend on, since
    no hypothesis of theirs was decoded, are left out of the backward pass.

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
        n_images, n_views = views.shape[:2]
        columns = views.permute(2, 1, 0).flatten(1)  # one matrix, pixel by pixel as `Orbit` does
        term = None
        if self.classes is not None:
            assert class_code is not None
            term = self.classes(class_code).expand(n_images, -1, -1)  # (B, J, width)
        if n_views > 1 and _may_skip(views):
            parameters = [*self.pixels.parameters(), *self.rest.parameters()]
            numbers = _FollowedViews.apply(self, columns, term, *parameters)
        else:
            term = None if term is None else term.repeat(n_views, 1, 1)
            numbers = self.after_pixels(self.sum_pixels(columns), term)
        return numbers.unflatten(0, (n_views, n_images)).transpose(0, 1)

    def sum_pixels(self, columns: Tensor) -> Tensor:
        """Sums of the first layer (N, width) over the pixels of views, (P, N)."""
        # A contiguous copy of the product: on strided inputs the following layers run image by
        # image, a hundred times slower.
        return torch.addmm(self.pixels.bias[:, None], self.pixels.weight, columns).T.contiguous()

    def after_pixels(self, first: Tensor, term: Tensor | None) -> Tensor:
        """Outputs (n, J, n_out) of sums of the first layer (n, width), classes' (n, J, width)."""
        first = first[:, None]
        output: Tensor = self.rest(first if term is None else first + term)
        return output


def _may_skip(views: Tensor) -> bool:
    """Whether a step gains by `_FollowedViews`: a GPU would have to wait for their number."""
    trains = torch.is_grad_enabled() and not views.requires_grad
    return trains and views.device.type == "cpu" and not torch.compiler.is_compiling()


class _FollowedViews(torch.autograd.Function):
    """Outputs of an encoder for all views, with a backward pass of those that have a gradient."""

    @staticmethod
    def forward(
        ctx: Any, encoder: Encoder, columns: Tensor, term: Tensor | None, *parameters: Tensor
    ) -> Tensor:
        """Columns (P, N) and terms of classes (B, J, width) → (N, J, n_out)."""
        del parameters  # of the encoder: named, so that they get gradients
        first = encoder.sum_pixels(columns)
        ctx.encoder = encoder
        ctx.mixed = torch.is_autocast_enabled("cpu")
        ctx.save_for_backward(columns, first, term)
        terms = None if term is None else term.repeat(len(first) // len(term), 1, 1)
        return encoder.after_pixels(first, terms)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the terms of classes and of the parameters."""
        columns, first, term = ctx.saved_tensors
        encoder: Encoder = ctx.encoder
        view = _followed(gradient)
        if len(view) < len(first):
            columns, first, gradient = columns[:, view], first[view], gradient[view]
        first = first.detach().requires_grad_()
        term = None if term is None else term.detach().requires_grad_()
        of = [first, *encoder.rest.parameters(), *([] if term is None else [term])]
        with torch.enable_grad(), torch.autocast("cpu", enabled=ctx.mixed):
            output = encoder.after_pixels(first, None if term is None else term[view % len(term)])
        of_first, *of_rest = torch.autograd.grad(output, of, gradient)
        of_term = None if term is None else of_rest.pop()
        of_weight = (of_first.T.to(columns.dtype) @ columns.T).float()
        return None, None, of_term, of_weight, of_first.float().sum(0), *of_rest


def _followed(gradient: Tensor) -> Tensor:
    """Numbers (n,) of the views whose gradient (N, J, n_out) is not zero; all if most are."""
    size = gradient.abs().amax((1, 2))
    # a NaN is followed, so that it is not lost
    view = (~(size <= _NO_GRADIENT * size.max())).nonzero()[:, 0]
    every = torch.arange(len(gradient))
    return view if len(view) <= _MOST_FOLLOWED * len(gradient) else every
