"""log p(x | decoder output) in nats, summed over channels and pixels; and the mean image."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bernoulli(nn.Module):
    """Each pixel a coin whose log-odds the decoder gives (grey values count as expectations)."""

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """Log-density of each pixel; ``x`` broadcasts against ``output``."""
        # x·o − softplus(o), the logarithm of p^x (1 − p)^(1 − x) without a division by zero
        return x * output - F.softplus(output)

    def mean(self, output: Tensor) -> Tensor:
        """Expected image, in [0, 1]."""
        return output.sigmoid()


class Gaussian(nn.Module):
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
        """Log-density of each pixel; ``x`` broadcasts against ``output``."""
        scaled = (x - output) * torch.exp(-self.log_sd)
        return -0.5 * scaled.square() - self.log_sd - 0.5 * math.log(2 * math.pi)

    def mean(self, output: Tensor) -> Tensor:
        """Expected image."""
        return output


def build(name: str, sd: float | None) -> Bernoulli | Gaussian:
    """The likelihood ``bernoulli`` or ``gaussian``; ``sd`` only matters for ``gaussian``."""
    return Bernoulli() if name == "bernoulli" else Gaussian(sd)
