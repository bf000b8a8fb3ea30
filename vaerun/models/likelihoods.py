"""Likelihoods: log p(x | decoder output) in nats, summed over pixels, and the mean image.

Pixels that were not measured are no part of x: neither they nor their constants are in the sum,
and nothing follows from them for the decoder.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.pixel_statistics import PixelStatistics

_BINARY = 0.5  # least share of the variance of binary images: see `choose`
_START, _LEAST_SD = 0.3, 0.01  # of a learned sd, where white is 1
_CERTAINLY_BLACK = -1e4  # log-odds: softplus of it, and its slope, are 0 in any precision
_FASTER = 10  # its parameter is log(s) over this

# B images, m hypotheses of each, C channels, P pixels.


class BernoulliLikelihood(nn.Module):
    """Independent Bernoulli pixels with the decoder output as log-odds; x may be grey."""

    def log_prob(self, x: Tensor, output: Tensor, measured: Tensor | None = None) -> Tensor:
        """Log-density (B, m) of images (B, 1, C, P) under outputs (B, m, C, P).

        ``measured`` (B, 1, C, P) is True for the pixels that count; None: all do.
        """
        # a sum over thousands of pixels needs more digits than bfloat16 has
        output = output.flatten(2).to(torch.promote_types(output.dtype, torch.float32))
        if measured is not None:  # x·o − softplus(o) is 0, and flat, at x = 0 and o = −∞
            x = torch.where(measured, x, 0.0)
            output = torch.where(measured.flatten(2), output, _CERTAINLY_BLACK)
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

    Values are of a density, so that log p(x) may be positive, and the loss negative.

    Parameters
    ----------
    sd
        Fixed sd, where white is 1; None learns it, from the value that `start` sets.

    Notes
    -----
    A learned variance is 0.01² + s², since without noise it would shrink, and the density grow,
    without end. The parameter is log(s) / 10, since Adam moves every parameter by the same
    step, and at its usual 0.003 log(s) itself would take hundreds of them to the optimum.
    """

    def __init__(self, sd: float | None) -> None:
        super().__init__()
        self.is_learned = sd is None
        self.fixed_variance: Tensor
        if sd is None:
            self.tenth_log_s = nn.Parameter(torch.tensor(0.0))
            self.start(_START)
        else:
            self.register_buffer("fixed_variance", torch.tensor(sd**2))

    @property
    def variance(self) -> Tensor:
        """Variance of a pixel."""
        if self.is_learned:
            return _LEAST_SD**2 + torch.exp(2 * _FASTER * self.tenth_log_s)
        return self.fixed_variance

    def start(self, sd: float) -> None:
        """Set the sd that learning starts from; a fixed one stays."""
        if self.is_learned:
            s2 = max(sd**2 - _LEAST_SD**2, _LEAST_SD**2)
            with torch.no_grad():
                self.tenth_log_s.fill_(0.5 * math.log(s2) / _FASTER)

    def log_prob(self, x: Tensor, output: Tensor, measured: Tensor | None = None) -> Tensor:
        """Log-density (B, m) of images (B, 1, C, P) under outputs (B, m, C, P).

        ``measured`` (B, 1, C, P) is True for the pixels that count; None: all do.
        """
        difference = x - output
        n: Tensor | int = output.shape[2] * output.shape[3]
        if measured is not None:
            difference, n = torch.where(measured, difference, 0.0), measured.sum((2, 3))
        squares = difference.square().sum((2, 3))
        variance = self.variance
        return -0.5 * (squares / variance + n * torch.log(2 * math.pi * variance))

    def mean(self, output: Tensor) -> Tensor:
        """Expected image."""
        return output


def choose(pixels: PixelStatistics) -> tuple[str, str]:
    """Likelihood for images of these statistics, and the reason in words.

    Bernoulli for images that are nearly binary, whose variance is at least half that of black and
    white pixels of their mean. It is 95 % for playing cards, 76 to 83 % for handwritten digits,
    80 % for the probability maps of graphene, 60 % for cards under noise of sd 0.3; and 36 to
    43 % for grey particles, 5 to 14 % for micrographs.
    """
    share = pixels.binary_share
    is_binary = share >= _BINARY
    what = "nearly black and white" if is_binary else "grey"
    reason = f"images are {what} ({share:.0%} of the variance of black and white ones)"
    return ("bernoulli" if is_binary else "gaussian"), reason.replace("%", " %")


def build(name: str, sd: float | None) -> BernoulliLikelihood | GaussianLikelihood:
    """Likelihood ``bernoulli`` or ``gaussian``; ``sd`` is that of ``gaussian``."""
    assert name in ("bernoulli", "gaussian"), name  # auto is resolved before
    return BernoulliLikelihood() if name == "bernoulli" else GaussianLikelihood(sd)
