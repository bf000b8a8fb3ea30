"""Which images are the same object under a rotation, by correlation over angles.

No model is involved. Images are centred, blurred against noise and sampled on circles; there a
rotation is a cyclic shift, and the Fourier transform gives the correlation at all angles at once.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.evaluation.checks.pair_match import PairMatch
from vaerun.geometry import pixel_size

N_ANGLES = 72
_N_RADII, _OUTER = 14, 0.92  # circles, and the radius of the largest in half of the shorter side
_SIDE_PX = 32  # images are averaged down to about this
_AS_GOOD = 0.12  # of the range of a pair's correlation: angles this near to the best are as good

# n images, A angles.


class RotationMatch(PairMatch):
    """Correlations (n, n, A) of image i, turned by each of A angles, with image j.

    Angle a is 2π·a/A, counter-clockwise as displayed.
    """

    def angle(self, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The rotation (m,) by which image i is most like j, radians in [0, 2π)."""
        return self.correlation[i, j].argmax(1) * (2 * np.pi / N_ANGLES)

    def as_good(self, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Angles (m, A) at which pairs (m,) match nearly as well as at their best."""
        some = self.correlation[i, j]
        high, low = some.max(1, keepdims=True), some.min(1, keepdims=True)
        good: npt.NDArray[np.bool_] = some >= high - _AS_GOOD * (high - low)
        return good

    def deviation(
        self, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], angle: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]:
        """Rotations (m,) i → j less the nearest angle at which the pair matches, radians."""
        grid = 2 * np.pi * np.arange(N_ANGLES) / N_ANGLES
        away = (np.asarray(angle, np.float64)[:, None] - grid + np.pi) % (2 * np.pi) - np.pi
        nearest = np.where(self.as_good(i, j), np.abs(away), np.inf).argmin(1)
        deviation: npt.NDArray[np.float64] = away[np.arange(len(i)), nearest]
        return deviation


@torch.no_grad()
def match_rotations(images: Tensor, centre: npt.NDArray[np.floating]) -> RotationMatch:
    """Correlate every two images under all rotations.

    Parameters
    ----------
    images
        (n, C, H, W).
    centre
        (n, 2) row and column of the object's centre from the middle of the image, pixels.
    """
    polar = _on_circles(images.float().cpu(), torch.as_tensor(centre, dtype=torch.float32))
    spectrum = torch.fft.rfft(polar, dim=2)  # (n, C·radii, frequencies)
    product = torch.einsum("irf,jrf->ijf", spectrum.conj(), spectrum)
    return RotationMatch(correlation=torch.fft.irfft(product, n=N_ANGLES, dim=2).numpy())


def _on_circles(images: Tensor, centre: Tensor) -> Tensor:
    """Images sampled on circles (n, C·radii, A), each of mean 0 and length 1 in all."""
    height, width = images.shape[-2:]
    shrink = max(min(height, width) // _SIDE_PX, 1)
    small = F.avg_pool2d(images, shrink) if shrink > 1 else images
    small = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)
    radius = _OUTER * torch.arange(1, _N_RADII + 1) / _N_RADII
    angle = 2 * math.pi * torch.arange(N_ANGLES) / N_ANGLES
    # counter-clockwise as displayed: from the right (column +) upwards (row −)
    column = radius[:, None] * angle.cos()
    row = -radius[:, None] * angle.sin()
    shorter = min(height, width) * pixel_size(height, width) / 2
    unit = pixel_size(height, width)
    points = torch.stack([row, column], -1)[None] * shorter
    points = points + (centre * unit)[:, None, None]
    # torch's grid is (x, y), from −1 to 1 over the whole image
    size = torch.tensor([width, height]) * unit / 2
    grid = points.flip(-1) / size
    polar = F.grid_sample(small, grid, padding_mode="border", align_corners=False)
    polar = polar - polar.mean((2, 3), keepdim=True)
    polar = polar * radius.sqrt()[:, None]  # each sample stands for an area
    polar = polar.flatten(1, 2)
    norm = polar.flatten(1).norm(dim=1)[:, None, None]
    return polar / norm.clamp_min(1e-9)
