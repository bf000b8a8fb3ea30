"""Continuous latents of a model: their order among the encoder's outputs, priors and KL.

| symbol | name       | shape     | unit                                  | prior              |
|--------|------------|-----------|---------------------------------------|--------------------|
| z      | content    | (…, d)    | prior sd                              | N(0, 1)            |
| θ, δ   | angle      | (…,)      | rad; δ is the offset from the bin φ_k | see `AnglePrior`   |
| Δ      | shift      | (…, 2)    | row, column, grid units; (…, 1) of a  | N(0, shift_sd²)    |
|        |            |           | curve, its column                     |                    |
| s      | log_scale  | (…,)      | log of a factor                       | N(0, scale_sd²)    |
| k, y   | bin, class | (B, K, J) | log q(k, y given x)                   | 1 / K, λ_y         |

λ is `InferredClass.prior`, a share for each class.

Every posterior is a Gaussian over latents in units of their prior's sd, so that one closed form
gives all their KL; only the angle can have a prior on the circle.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.utils import random

# B images, K rotation bins, J classes, D latent dimensions.

_MIN_SD = 1e-4  # of a posterior; the KL of a narrower one would overflow


class DiagonalNormal(NamedTuple):
    """Independent normals with ``mean`` and ``sd`` of the same shape."""

    mean: Tensor
    sd: Tensor

    def sample(self) -> Tensor:
        """One reparametrised draw."""
        return self.mean + self.sd * random.normal(self.sd)


def kl_standard_normal(q: DiagonalNormal) -> Tensor:
    """KL(q ‖ N(0, 1)) of each component, nats."""
    return 0.5 * (q.mean.square() + q.sd.square() - 1) - q.sd.log()


def wrapped_normal_entropy(sd: Tensor) -> Tensor:
    """Entropy in nats of a normal wrapped round the circle; ln 2π when it is wide.

    Notes
    -----
    For a narrow one it is the entropy on the line, else, by the Fourier series of log f with
    q = exp(−sd²),

        H = ln 2π − ln Π_k (1 − q^k) + 2 Σ_n (−1)^n q^{n(n+1)/2} / (n (1 − q^n)).

    Mardia and Jupp, Directional Statistics (2000), section 3.5.7.
    """
    line = 0.5 * math.log(2 * math.pi * math.e) + sd.log()
    n = torch.arange(1, 41, device=sd.device, dtype=sd.dtype)
    q_n = torch.exp(
        -sd.clamp(min=0.6).square()[..., None] * n
    )  # (…, n); clamped for a finite gradient
    sign = 1 - 2 * (n % 2)
    series = (sign * q_n ** ((n + 1) / 2) / (n * (1 - q_n))).sum(-1)
    circle = math.log(2 * math.pi) - torch.log1p(-q_n).sum(-1) + 2 * series
    return torch.where(sd < 0.7, line, circle)


@dataclass(frozen=True, kw_only=True)
class AnglePrior:
    """Prior of an angle, and the KL of a normal posterior from it.

    Attributes
    ----------
    kind
        ``normal``: N(0, sd²) on the line (pyroVED). ``width``: without the term of the mean, so
        that no direction is preferred, but the loss is not a bound (AtomAI). ``von_mises``:
        M(0, κ), as in eq. 4 of the review. ``uniform``: flat on the circle.
    sd
        Radians; unit of the posterior, and sd of the normal prior.
    kappa
        Concentration of the von Mises prior.
    """

    kind: str
    sd: float
    kappa: float = 0.0

    def kl(self, q: DiagonalNormal) -> Tensor:
        """KL in nats of the angle's posterior ``q`` in units of `sd`."""
        if self.kind == "normal":
            return kl_standard_normal(q)
        if self.kind == "width":
            return kl_standard_normal(DiagonalNormal(torch.zeros_like(q.mean), q.sd))
        sd = q.sd * self.sd
        kappa = self.kappa if self.kind == "von_mises" else 0.0
        # E cos θ under a wrapped normal is exp(−sd²/2) cos(mean).
        mean_cos = torch.exp(-0.5 * sd.square()) * torch.cos(q.mean * self.sd)
        # i0e is i0 without its exponential, which overflows from κ = 90
        i0e = torch.special.i0e(torch.tensor(kappa)).item()
        log_normaliser = math.log(2 * math.pi) + math.log(i0e) + kappa
        return log_normaliser - kappa * mean_cos - wrapped_normal_entropy(sd)


class LatentValues(NamedTuple):
    """Latents in their own units: (N, d), (N,) radians, (N, 2) grid units, (N,)."""

    content: Tensor
    angle: Tensor
    shift: Tensor
    log_scale: Tensor


@dataclass(frozen=True, kw_only=True)
class LatentSpace:
    """Continuous latents of a model, in the order of its encoder's outputs: θ, Δ, s, z.

    Attributes
    ----------
    content_dim
        d ≥ 1.
    angle
        Prior of the angle (or of its offset within a bin), None without rotation.
    shift_sd, scale_sd
        Prior widths, grid units and log units; None without that invariance.
    n_shifts
        Dimensions of a shift: 2, or 1 for curves.
    """

    content_dim: int
    angle: AnglePrior | None = None
    shift_sd: float | None = None
    scale_sd: float | None = None
    n_shifts: int = 2

    @property
    def n_pose(self) -> int:
        """Number of pose dimensions, 0 to 4."""
        return (
            (self.angle is not None)
            + self.n_shifts * (self.shift_sd is not None)
            + (self.scale_sd is not None)
        )

    @property
    def dim(self) -> int:
        """Number D of pose and content dimensions."""
        return self.n_pose + self.content_dim

    def posterior(self, raw: Tensor) -> DiagonalNormal:
        """q(ζ | x, h) from the encoder's (..., 2·D) numbers, in units of the prior sd."""
        mean, raw_sd = raw.float().chunk(2, dim=-1)
        return DiagonalNormal(mean, F.softplus(raw_sd) + _MIN_SD)

    def moved(self, q: DiagonalNormal, centre: Tensor, size: Tensor) -> DiagonalNormal:
        """Posterior (…, D) in an image, of what was seen after centring and sizing.

        A shift Δ in the centred image is one of centre + size·Δ in the image, and the scales
        multiply.

        Parameters
        ----------
        centre, size
            (…, 2) grid units and (…,) factor, broadcast against the posterior.
        """
        mean, sd = q.mean.clone(), q.sd.clone()
        at = int(self.angle is not None)
        if self.shift_sd is not None:
            axes = slice(at, at + self.n_shifts)
            away = centre[..., -self.n_shifts :] / self.shift_sd
            mean[..., axes] = mean[..., axes] * size[..., None] + away
            sd[..., axes] = sd[..., axes] * size[..., None]
            at += self.n_shifts
        if self.scale_sd is not None:
            mean[..., at] = mean[..., at] + size.log() / self.scale_sd
        return DiagonalNormal(mean, sd)

    def kl(self, q: DiagonalNormal) -> tuple[Tensor, Tensor]:
        """KL of z, summed over its dimensions, and of angle, shift and scale, nats, (…,) each."""
        each = kl_standard_normal(q)
        content, pose = each[..., self.n_pose :].sum(-1), each[..., : self.n_pose]
        if self.angle is None or self.angle.kind == "normal":
            return content, pose.sum(-1)
        angle = self.angle.kl(DiagonalNormal(q.mean[..., 0], q.sd[..., 0]))
        return content, angle + pose[..., 1:].sum(-1)

    def units(self) -> list[float]:
        """Prior sd of each of the D dimensions."""
        return (
            ([] if self.angle is None else [self.angle.sd])
            + ([] if self.shift_sd is None else self.n_shifts * [self.shift_sd])
            + ([] if self.scale_sd is None else [self.scale_sd])
            + self.content_dim * [1.0]
        )

    def values(self, standardised: Tensor) -> LatentValues:
        """Columns of (N, D) latents by name and in their own units; absent ones are zero."""
        n = standardised.shape[0]  # len would be a constant in an export
        at = 0

        def take(width: int, unit: float | None) -> Tensor:
            nonlocal at
            if unit is None:
                return standardised.new_zeros(n, width)
            block = standardised[:, at : at + width] * unit
            at += width
            return block

        angle = take(1, None if self.angle is None else self.angle.sd)[:, 0]
        shift = F.pad(take(self.n_shifts, self.shift_sd), (2 - self.n_shifts, 0))
        log_scale = take(1, self.scale_sd)[:, 0]
        return LatentValues(standardised[:, self.n_pose :], angle, shift, log_scale)
