"""The Gaussian process of a target as tensors, for programs without scikit-learn."""

import numpy as np
import torch
from torch import Tensor, nn

from vaerun.models.target_readout import TargetReadout

# B images, n known targets, m latents that vary.


class ReadoutGraph(nn.Module):
    """Latents → mean and sd of the target, as `TargetReadout.predict` has them.

    It computes in doubles, since the inverse of a covariance has large numbers.
    """

    def __init__(self, readout: TargetReadout) -> None:
        super().__init__()
        self.middle, self.unit = float(readout.known.mean()), float(readout.known.std())
        height, *lengths, noise = np.exp(readout.theta)
        self.height, self.noise = float(height), float(noise)
        spread = readout.latents.std(0)
        varies = np.flatnonzero(spread > 1e-6)
        scale = spread[varies] * lengths  # of each latent, or one length of all
        centre = readout.latents.mean(0)[varies]
        known = (readout.latents[:, varies] - centre) / scale
        self.varies, self.centre, self.scale, self.known = (
            torch.from_numpy(np.ascontiguousarray(part)) for part in (varies, centre, scale, known)
        )
        covariance = self._covariance(self.known) + self.noise * torch.eye(len(known)).double()
        root = torch.linalg.cholesky(covariance + 1e-10 * torch.eye(len(known)).double())
        target = torch.from_numpy((readout.known - self.middle) / self.unit)
        self.weight = torch.cholesky_solve(target[:, None], root)[:, 0]
        self.whitening = torch.linalg.inv(root).T.contiguous()  # (n, n)

    def forward(
        self, z: Tensor, scale: Tensor, gain: Tensor, offset: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Content (B, d), scale, gain and offset (B,) → mean and sd (B,), in the target's unit."""
        latents = torch.cat([z, torch.stack([scale.log(), gain, offset], 1)], 1).double()
        units = (latents[:, self.varies] - self.centre) / self.scale
        covariance = self._covariance(units)  # (B, n)
        explained = (covariance @ self.whitening).square().sum(1)
        sd = (self.height + self.noise - explained).clamp_min(0).sqrt()
        mean = self.middle + self.unit * (covariance @ self.weight)
        return mean.float(), (self.unit * sd).float()

    def _covariance(self, units: Tensor) -> Tensor:
        """Matérn covariance (B, n) of latents (B, m) with the known ones, both over lengths."""
        squares = units.square().sum(1)[:, None] + self.known.square().sum(1)
        square = (squares - 2 * units @ self.known.T).clamp_min(0)
        away = (5 * square).sqrt()
        return self.height * (1 + away + 5 / 3 * square) * (-away).exp()
