"""What a variational encoder–decoder predicts of images, with its spread."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vaerun.data.image_set import Images
from vaerun.geometry import Pose
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.likelihoods import GaussianLikelihood
from vaerun.models.networks.orbit import Orbit
from vaerun.utils.progress import bar

Array = npt.NDArray[np.float32]

_PAIRS = 8  # of draws of z, one the mirror image of the other, for each bin, over all orbits
N_BETWEEN = 8  # angles within each bin at which an image is seen: more change next to nothing

_MOST_NUMBERS, _MOST_IMAGES = 6e7, 250  # held at once, some 500 MB with a copy; images at once

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

    See `Predictor`.
    """
    device = next(network.parameters()).device
    predictor = Predictor(network).to(device).eval()
    parts = []
    size = predictor.n_at_once
    chunks = [slice(i, i + size) for i in range(0, len(images), size)]
    for rows in bar(chunks, "predicting", len(chunks), shown=progress):
        parts.append([t.cpu().numpy() for t in predictor(images[rows].to(device))])
    mean, sd = (np.concatenate(some) for some in zip(*parts, strict=True))
    return Predictions(mean, sd)


class Predictor(nn.Module):
    """Images (B, C, H, W) → mean and sd of what is predicted of them, from 0 to 1.

    Parameters
    ----------
    network
        Of a model that predicts, in evaluation mode.

    Notes
    -----
    The predictive distribution is a mixture over bins k, with weights q(k | x), and over draws of
    z from q(z | x, k), of the likelihood. All bins count, and draws are the same numbers for every
    image and bin: an image turned by one bin gets the same prediction. What the encoder says of a
    copy depends a little on its angle within a bin, and on how a turn blurs its pixels. Hence the
    mixture is over angles between the bins, too, of equal weight: over several orbits, each with
    draws of its own.
    """

    def __init__(self, network: InvariantVAE) -> None:
        super().__init__()
        self.network = network
        orbit = network.search.orbit
        self.orbit = None if orbit is None else _joined(orbit.between(N_BETWEEN))
        self.n_bins = len(network.search.bin_angle)
        n_orbits = 1 if self.orbit is None else self.orbit.n_views // self.n_bins
        drawn = _draws(n_orbits, network.latents.dim).repeat_interleave(self.n_bins, 0)
        self.drawn: Tensor  # (O·K, S, D)
        self.register_buffer("drawn", drawn, persistent=False)

    @property
    def n_at_once(self) -> int:
        """Images that fit into some 500 MB."""
        n_views, n_draws = self.drawn.shape[:2]
        n_drawn = n_draws * math.prod(self.network.drawn)
        n_seen = math.prod(self.network.shape.image) if self.orbit is None else self.orbit.n_pixels
        return max(min(int(_MOST_NUMBERS) // (n_views * max(n_drawn, n_seen)), _MOST_IMAGES), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and sd (B, C, H, W) of what is predicted of images (B, C, H, W)."""
        network = self.network
        assert isinstance(network.likelihood, GaussianLikelihood)
        posterior = network.infer(x, orbit=self.orbit)
        by_orbit = posterior.log_q[:, :, 0].unflatten(1, (-1, self.n_bins))  # (B, O, K)
        weight = by_orbit.log_softmax(2).exp() / by_orbit.shape[1]
        mean, sd = (t[:, :, 0, None] for t in posterior.latents)  # (B, O·K, 1, D)
        z = mean + sd * self.drawn  # (B, O·K, S, D)
        flat = network.latents.values(z.flatten(0, 2)).content
        output = network.decode(flat, Pose.identity(flat.shape[0], x.device)).float()
        output = output.flatten(1).unflatten(0, (-1, *self.drawn.shape[:2]))  # (B, O·K, S, P)
        weight = weight.flatten(1)[..., None]
        middle = (weight * output.mean(2)).sum(1)  # (B, P)
        away = (output - middle[:, None, None]).square().mean(2)
        spread = ((weight * away).sum(1) + network.likelihood.variance).sqrt()
        return middle.unflatten(1, network.drawn), spread.unflatten(1, network.drawn)


def _joined(orbits: Sequence[Orbit]) -> Orbit:
    """One orbit of all angles of several, the first K those of the first."""
    angles = torch.cat([orbit.angles.cpu() for orbit in orbits])
    return Orbit(angles, orbits[0].size, orbits[0].diameter)


def _draws(n_orbits: int, dim: int) -> Tensor:
    """Standard normal numbers (O, S, D), the second half of S the negative of the first."""
    n_pairs = max(_PAIRS // n_orbits, 1)
    half = torch.randn(n_orbits, n_pairs, dim, generator=torch.Generator().manual_seed(0))
    return torch.cat([half, -half], 1)
