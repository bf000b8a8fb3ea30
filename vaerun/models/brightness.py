"""Gain and offset of an image, as nuisances that no latent has to encode.

An image is x = g·m + o + noise, with the drawing m of the decoder, gain g ~ N(1, σ_g²) and offset
o ~ N(0, σ_o²). Both enter linearly, so under the Gaussian likelihood their posterior and the
marginal p(x | m) have closed forms (Bayesian linear regression; Bishop 2006, section 3.3 and 3.5).
The encoder sees images of one mean and contrast, so that z cannot tell how bright an image is.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.data.image_set import Images
from vaerun.utils.arrays import evenly

# B images, m hypotheses of each, C channels, P pixels.

_FLOOR = 0.2  # of the usual contrast, which is added to that of an image: no noise is blown up
_LEAST_GAIN_SD, _MOST_GAIN_SD, _LEAST_OFFSET_SD = 0.1, 1.0, 0.02
_MOST_TO_FIT, _CHUNK = 2000, 500  # images


class GainOffset(NamedTuple):
    """Gain g and offset o of images under each hypothesis, (B, m) each; 1 and 0 for none."""

    gain: Tensor
    offset: Tensor


@dataclass(frozen=True, kw_only=True)
class BrightnessConstants:
    """What the images of a data set share.

    Attributes
    ----------
    contrast
        Median over images of the sd of their pixels.
    gain_sd, offset_sd
        Prior sd of the gain and, where white is 1, of the offset.
    """

    contrast: float
    gain_sd: float
    offset_sd: float


class Brightness(nn.Module):
    """Takes gain and offset out of what the encoder sees, and out of the likelihood."""

    def __init__(self) -> None:
        super().__init__()
        self.constants = BrightnessConstants(contrast=0.25, gain_sd=0.5, offset_sd=0.25)

    def get_extra_state(self) -> dict[str, float]:
        """Constants, to be stored with the network."""
        return asdict(self.constants)

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore the constants."""
        self.constants = BrightnessConstants(**state)

    @torch.no_grad()
    def fit(self, images: Images) -> None:
        """Estimate the constants from images (N, C, H, W), of which at most 2,000 are read."""
        rows = torch.from_numpy(evenly(len(images), _MOST_TO_FIT))
        flat = [images[i].float().flatten(1) for i in rows.split(_CHUNK)]
        sd = torch.cat([x.std(1, correction=0) for x in flat])
        mean = torch.cat([x.mean(1) for x in flat])
        contrast = max(float(sd.median()), 1e-6)
        gain_sd = float((sd / contrast - 1).square().mean().sqrt())
        offset_sd = float(mean.std(correction=0))
        self.constants = BrightnessConstants(
            contrast=contrast,
            gain_sd=min(max(gain_sd, _LEAST_GAIN_SD), _MOST_GAIN_SD),
            offset_sd=max(offset_sd, _LEAST_OFFSET_SD),
        )

    def standardise(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) of mean 0 and nearly the usual contrast; flat ones stay flat."""
        usual = self.constants.contrast
        with torch.autocast(images.device.type, enabled=False):
            flat = images.float().flatten(1)
            mean, sd = flat.mean(1, keepdim=True), flat.std(1, correction=0, keepdim=True)
            even = (flat - mean) * (usual * (1 + _FLOOR) / (sd + usual * _FLOOR))
        return even.view_as(images)

    def solve(
        self, x: Tensor, drawing: Tensor, variance: Tensor, weight: float = 1.0
    ) -> tuple[GainOffset, Tensor]:
        """Posterior mean of gain and offset, and the log-determinant that the marginal needs.

        Parameters
        ----------
        x, drawing
            (B, 1, C, P) and (B, m, C, P).
        variance
            Of the noise of a pixel.
        weight
            Pixels of the whole image for each that is given.

        Returns
        -------
        gain_offset, log_det
            (B, m) each: g and o without a gradient, and ln det(1 + S Uᵀ U / σ²), in nats, of
            S = diag(σ_g², σ_o²) and U = [m, 1].
        """
        gain_sd, offset_sd = self.constants.gain_sd, self.constants.offset_sd
        n = weight * drawing.shape[2] * drawing.shape[3]
        flat, target = drawing.flatten(2), x.flatten(2)
        squares, total = weight * flat.square().sum(2).double(), weight * flat.sum(2).double()
        v = variance.double()
        # 1 + S^½ Uᵀ U S^½ / σ², a positive definite 2 × 2 matrix
        a = 1 + gain_sd**2 * squares / v
        b = gain_sd * offset_sd * total / v
        d = 1 + offset_sd**2 * n / v
        determinant = a * d - b.square()
        with torch.no_grad():
            rest = target - flat  # (B, m, C·P)
            on_gain = weight * gain_sd * (rest * flat).sum(2).double() / v
            on_offset = weight * offset_sd * rest.sum(2).double() / v
            gain = 1 + gain_sd * (d * on_gain - b * on_offset) / determinant
            offset = offset_sd * (a * on_offset - b * on_gain) / determinant
        return GainOffset(gain.float(), offset.float()), determinant.log().float()

    def log_prob(
        self, x: Tensor, drawing: Tensor, variance: Tensor, weight: float = 1.0
    ) -> Tensor:
        """Log-density (B, m) of images under drawings, marginal over gain and offset.

        Arguments are those of `solve`. At their posterior means the quadratic form is at its
        minimum over gain and offset, so its gradient is that for fixed ones.
        """
        with torch.autocast(x.device.type, enabled=False):
            x, drawing = x.float(), drawing.float()
            (gain, offset), log_det = self.solve(x, drawing, variance, weight)
            expected = gain[..., None, None] * drawing + offset[..., None, None]
            squares = weight * (x - expected).square().sum((2, 3))
            n = weight * drawing.shape[2] * drawing.shape[3]
            of_prior = ((gain - 1) / self.constants.gain_sd).square()
            of_prior = of_prior + (offset / self.constants.offset_sd).square()
            log_scale = n * torch.log(2 * torch.pi * variance) + log_det
            return -0.5 * (squares / variance + of_prior + log_scale)


def apply_brightness(drawing: Tensor, found: GainOffset) -> Tensor:
    """Images (B, C, H, W) of drawings, with gain and offset (B,)."""
    gain, offset = (values[:, None, None, None] for values in found)
    return gain * drawing + offset
