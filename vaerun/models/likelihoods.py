"""Likelihoods: log p(x | decoder output) in nats, summed over pixels, and the mean image."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B images, m hypotheses of each, C channels, P pixels.


class BernoulliLikelihood(nn.Module):
    """Independent Bernoulli pixels with the decoder output as log-odds; x may be grey."""

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """Log-density (B, m) of images (B, 1, C, P) under outputs (B, m, C, P)."""
        # a sum over thousands of pixels needs more digits than bfloat16 has
        output = output.flatten(2).to(torch.promote_types(output.dtype, torch.float32))
        log_prob: Tensor = _BernoulliLogProb.apply(x.flatten(2), output)
        return log_prob

    def mean(self, output: Tensor) -> Tensor:
        """Expected image, in [0, 1]."""
        return output.sigmoid()


class _BernoulliLogProb(torch.autograd.Function):
    """Σ x·o − softplus(o) = log Π p^x (1 − p)^(1 − x) for log-odds o.

    The gradient x − σ(o) is written out, since automatic differentiation reads these largest
    arrays of a step twice as often.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        """(B, 1, n) and (B, m, n) → (B, m)."""
        ctx.save_for_backward(x, output)
        with torch.autocast(x.device.type, enabled=False):  # would round the products
            return (output @ x.transpose(1, 2))[..., 0] - F.softplus(output).sum(2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        """Gradient of the output; none of the images."""
        x, output = ctx.saved_tensors
        difference = torch.sub(x, output.sigmoid())
        return None, difference.mul_(gradient[..., None])


class GaussianLikelihood(nn.Module):
    """Independent normal pixels with the decoder output as mean and one sd for all.

    Parameters
    ----------
    sd
        Fixed sd; None learns it from 0.3.
    """

    def __init__(self, sd: float | None) -> None:
        super().__init__()
        log_sd = torch.tensor(math.log(0.3 if sd is None else sd))
        if sd is None:
            self.log_sd = nn.Parameter(log_sd)
        else:
            self.register_buffer("log_sd", log_sd)

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """Log-density (B, m) of images (B, 1, C, P) under outputs (B, m, C, P)."""
        squares = (x - output).square().sum((2, 3))
        n = output.shape[2] * output.shape[3]
        return -0.5 * squares * torch.exp(-2 * self.log_sd) - n * (
            self.log_sd + 0.5 * math.log(2 * math.pi)
        )

    def mean(self, output: Tensor) -> Tensor:
        """Expected image."""
        return output


def build(name: str, sd: float | None) -> BernoulliLikelihood | GaussianLikelihood:
    """Likelihood ``bernoulli`` or ``gaussian``; ``sd`` is that of ``gaussian``."""
    return BernoulliLikelihood() if name == "bernoulli" else GaussianLikelihood(sd)
