"""log p(x | decoder output) in nats, summed over channels and pixels; and the mean image."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B images, m hypotheses of each, C channels, P pixels.


class BernoulliLikelihood(nn.Module):
    """Each pixel a coin whose log-odds the decoder gives (grey values count as expectations)."""

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """Log-density (B, m) of images (B, 1, C, P) under outputs (B, m, C, P)."""
        # a sum of thousands of pixels takes more digits than bfloat16 has
        output = output.flatten(2).to(torch.promote_types(output.dtype, torch.float32))
        log_prob: Tensor = _BernoulliLogProb.apply(x.flatten(2), output)
        return log_prob

    def mean(self, output: Tensor) -> Tensor:
        """Expected image, in [0, 1]."""
        return output.sigmoid()


class _BernoulliLogProb(torch.autograd.Function):
    """Σ x·o − softplus(o), the logarithm of Π p^x (1 − p)^(1 − x) without a division by zero.

    Written out with its gradient, x − σ(o): these are the largest arrays of a step, and left to
    itself torch would go through them twice as often.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        """(B, 1, n) and (B, m, n) → (B, m)."""
        ctx.save_for_backward(x, output)
        with torch.autocast(x.device.type, enabled=False):  # which would round the products
            return (output @ x.transpose(1, 2))[..., 0] - F.softplus(output).sum(2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        """Of the output only: images are given."""
        x, output = ctx.saved_tensors
        difference = torch.sub(x, output.sigmoid())
        return None, difference.mul_(gradient[..., None])


class GaussianLikelihood(nn.Module):
    """Each pixel normal about the decoder's output, with one standard deviation for all.

    Parameters
    ----------
    sd
        Fixed width; None learns it, beginning at 0.3.
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
    """The likelihood ``bernoulli`` or ``gaussian``; ``sd`` only matters for ``gaussian``."""
    return BernoulliLikelihood() if name == "bernoulli" else GaussianLikelihood(sd)
