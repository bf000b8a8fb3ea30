"""What a variational encoder–decoder predicts of images, with its spread."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.image_set import Images
from vaerun.geometry import Pose
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.likelihoods import GaussianLikelihood
from vaerun.models.networks.orbit import Orbit
from vaerun.utils.progress import bar

Array = npt.NDArray[np.float32]

_PAIRS = 4  # of draws of z, one the mirror image of the other, for each bin
_BETWEEN = 8  # angles within each bin at which an image is seen: more change next to nothing

# B images of a chunk, O orbits, K bins, S draws, P numbers of what is predicted.


class Predictions(NamedTuple):
    """What is predicted of N images, from 0 to 1 or in the units of the file.

    Attributes
    ----------
    mean, sd
        (N, C, H, W) each, mean and sd of the predictive distribution of each number.
    """

    mean: Array
    sd: Array

    def in_units(self, window: tuple[float, float] | None) -> "Predictions":
        """In the units in which 0 and 1 are a window; unchanged without one."""
        if window is None:
            return self
        low, width = window[0], window[1] - window[0]
        return Predictions(
            (low + width * self.mean).astype(np.float32), (width * self.sd).astype(np.float32)
        )


@torch.no_grad()
def predict(network: InvariantVAE, images: Images, *, progress: bool = False) -> Predictions:
    """Predictive mean and sd of what belongs to images (N, C, H, W), from 0 to 1.

    Notes
    -----
    The predictive distribution is a mixture over bins k, with weights q(k | x), and over draws of
    z from q(z | x, k), of the likelihood. All bins count, and draws are the same numbers for every
    image and bin: an image turned by one bin gets the same prediction. What the encoder says of a
    copy depends a little on its angle within a bin, and on how a turn blurs its pixels. Hence the
    mixture is over angles between the bins, too, of equal weight.
    """
    device = next(network.parameters()).device
    size = max(network.n_at_once // (2 * _PAIRS), 1)
    drawn = _draws(network.latents.dim, device)
    orbit = network.search.orbit
    orbits = [None] if orbit is None else orbit.between(_BETWEEN)
    parts = []
    chunks = [slice(i, i + size) for i in range(0, len(images), size)]
    for rows in bar(chunks, "predicting", len(chunks), shown=progress):
        parts.append(
            [t.cpu().numpy() for t in _chunk(network, images[rows].to(device), drawn, orbits)]
        )
    mean, sd = (np.concatenate(some) for some in zip(*parts, strict=True))
    return Predictions(mean, sd)


def _draws(dim: int, device: torch.device) -> Tensor:
    """Standard normal numbers (S, D), the second half the negative of the first."""
    half = torch.randn(_PAIRS, dim, generator=torch.Generator().manual_seed(0))
    return torch.cat([half, -half]).to(device)


def _chunk(
    network: InvariantVAE, x: Tensor, drawn: Tensor, orbits: Sequence[Orbit | None]
) -> tuple[Tensor, Tensor]:
    """Mean and sd (B, C, H, W) of what is predicted of images (B, C, H, W)."""
    assert isinstance(network.likelihood, GaussianLikelihood)
    seen = [_seen(network, x, drawn, orbit) for orbit in orbits]
    means, variances = (torch.stack(some) for some in zip(*seen, strict=True))  # (O, B, P)
    mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
    shape = (len(x), *network.drawn)
    sd = (variance + network.likelihood.variance).sqrt()
    return mean.view(shape), sd.expand_as(mean).view(shape)


def _seen(
    network: InvariantVAE, x: Tensor, drawn: Tensor, orbit: Orbit | None
) -> tuple[Tensor, Tensor]:
    """Mean and variance (B, P) over bins and draws of what is drawn, seen in one orbit."""
    posterior = network.infer(x, orbit=orbit)
    weight = posterior.log_q[:, :, 0].exp()  # (B, K)
    mean, sd = (t[:, :, 0, None] for t in posterior.latents)  # (B, K, 1, D)
    z = mean + sd * drawn  # (B, K, S, D)
    flat = network.latents.values(z.flatten(0, 2)).content
    output = network.decode(flat, Pose.identity(len(flat), x.device)).float()
    output = output.flatten(1).unflatten(0, z.shape[:3])  # (B, K, S, P)
    middle = (weight[..., None] * output.mean(2)).sum(1)  # (B, P)
    away = (output - middle[:, None, None]).square().mean(2)
    return middle, (weight[..., None] * away).sum(1)
