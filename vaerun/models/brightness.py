"""Gain and offset of an image, as nuisances that no latent has to encode.

An image is x = g·m + o + noise, with the drawing m of the decoder. Where images fill their field,
gain g and offset o are planes over the image, a + b·row + c·column, since thickness goes on
changing within a patch; else they are constants. The coefficients are normal, of mean 0, that of
the gain's constant being 1. All enter linearly, so under the Gaussian likelihood their posterior
and the marginal p(x | m) have closed forms (Bayesian linear regression; Bishop 2006, section 3.3
and 3.5). The encoder sees images of one mean and contrast, so that z cannot tell how bright an
image is.
"""

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.data.image_set import Images
from vaerun.geometry import is_curve, pixel_grid
from vaerun.models.networks.pixel_subset import PixelSubset
from vaerun.utils.arrays import evenly, n_at_once

# B images, m hypotheses of each, C channels, P pixels, n functions of gain and of offset: 1, or
# 1, row and column.

# Of the usual contrast, added to that of an image so that no noise is blown up. Gains of curves
# go over an order of magnitude, of which the encoder is to see nothing.
_FLOOR, _FLOOR_OF_CURVES = 0.2, 0.01
_LEAST_GAIN_SD, _MOST_GAIN_SD, _LEAST_OFFSET_SD = 0.1, 1.0, 0.02
_LEAST_SLOPE_SD, _MOST_GAIN_SLOPE_SD = 0.01, 0.3
_MOST_TO_FIT, _CHUNK = 2000, 500  # images


class GainOffset(NamedTuple):
    """Coefficients of gain and offset of images under each hypothesis, (B, m, n) each."""

    gain: Tensor
    offset: Tensor


@dataclass(frozen=True, kw_only=True)
class BrightnessConstants:
    """What the images of a data set share.

    Attributes
    ----------
    contrast, level
        Medians over images of the sd and of the mean of their pixels.
    gain_sd, offset_sd
        Prior sd of the gain and, where white is 1, of the offset.
    gain_slope_sd, offset_slope_sd
        Prior sd of their change along rows and along columns, from the middle of the longer side
        to its end; 0 where both are constants.
    """

    contrast: float
    gain_sd: float
    offset_sd: float
    level: float = 0.5
    gain_slope_sd: float = 0.0
    offset_slope_sd: float = 0.0


class Brightness(nn.Module):
    """Takes gain and offset out of what the encoder sees, and out of the likelihood.

    Parameters
    ----------
    size
        (H, W) of the images.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.constants = BrightnessConstants(contrast=0.25, gain_sd=0.5, offset_sd=0.25)
        self.of_curves = is_curve(size[0])
        self.floor = _FLOOR_OF_CURVES if self.of_curves else _FLOOR
        row, column = pixel_grid(*size).flatten(0, 1).T
        functions = torch.stack([torch.ones_like(row), row, column])
        self.functions: Tensor
        self.register_buffer("functions", functions[None, None], persistent=False)

    def get_extra_state(self) -> dict[str, float]:
        """Constants, to be stored with the network."""
        return asdict(self.constants)

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore the constants."""
        self.constants = BrightnessConstants(**state)

    @torch.no_grad()
    def fit(self, images: Images, *, planes: bool = False) -> None:
        """Estimate the constants from images (N, C, H, W), of which at most 2,000 are read.

        With `planes` gain and offset may change over an image.
        """
        rows = torch.from_numpy(evenly(len(images), _MOST_TO_FIT))
        inverse = torch.linalg.pinv(self.functions[0, 0])[:, 1:] if planes else None  # (P, 2)
        sds, means, slopes = [], [], []
        for some in rows.split(n_at_once(images.shape[1:].numel(), _CHUNK)):
            x = images[some].float().flatten(2)  # (n, C, P)
            sds.append(x.flatten(1).std(1, correction=0))
            means.append(x.mean((1, 2)))
            slopes += [] if inverse is None else [x.mean(1) @ inverse]
        sd, mean = torch.cat(sds), torch.cat(means)
        contrast = max(float(sd.median()), 1e-6)
        gain_sd = float((sd / contrast - 1).square().mean().sqrt())
        offset_sd = float(mean.std(correction=0))
        self.constants = BrightnessConstants(
            contrast=contrast,
            level=float(mean.median()),
            gain_sd=min(max(gain_sd, _LEAST_GAIN_SD), _MOST_GAIN_SD),
            offset_sd=max(offset_sd, _LEAST_OFFSET_SD),
        )
        if planes:
            slope = torch.cat(slopes)
            relative = slope / mean.clamp_min(contrast)[:, None]
            gain_slope_sd, offset_slope_sd = (
                max(float(values.square().mean().sqrt()), _LEAST_SLOPE_SD)
                for values in (relative, slope)
            )
            self.constants = replace(
                self.constants,
                gain_slope_sd=min(gain_slope_sd, _MOST_GAIN_SLOPE_SD),
                offset_slope_sd=offset_slope_sd,
            )

    @property
    def prior_sd(self) -> Tensor:
        """Prior sd (2·n,) of the coefficients of the gain, then of those of the offset."""
        c = self.constants
        if not c.gain_slope_sd:
            return self.functions.new_tensor([c.gain_sd, c.offset_sd])
        slopes = [c.gain_slope_sd] * 2, [c.offset_slope_sd] * 2
        return self.functions.new_tensor([c.gain_sd, *slopes[0], c.offset_sd, *slopes[1]])

    def standardise(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) of mean 0 and nearly the usual contrast; flat ones stay flat."""
        if not images.shape[0]:  # len would be a constant in an export
            return images
        usual = self.constants.contrast
        with torch.autocast(images.device.type, enabled=False):
            flat = images.float().flatten(1)
            mean, sd = flat.mean(1, keepdim=True), flat.std(1, correction=0, keepdim=True)
            even = (flat - mean) * (usual * (1 + self.floor) / (sd + usual * self.floor))
        return even.view_as(images)

    def seen(self, images: Tensor) -> Tensor:
        """What an encoder sees of images (B, C, H, W): all of one mean and contrast.

        Curves get an sd of 1. That of a narrow line is less than a tenth of its height, from which
        an encoder learns classes three times as slowly.
        """
        even = self.standardise(images)
        return even / self.constants.contrast if self.of_curves else even

    def usual(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) of the usual brightness and nearly the usual contrast."""
        return self.standardise(images) + self.constants.level

    def solve(
        self,
        x: Tensor,
        drawing: Tensor,
        variance: Tensor,
        subset: PixelSubset | None = None,
        measured: Tensor | None = None,
    ) -> tuple[GainOffset, Tensor]:
        """Posterior mean of gain and offset, and the log-determinant that the marginal needs.

        Parameters
        ----------
        x, drawing
            (B, 1, C, p) and (B, m, C, p).
        variance
            Of the noise of a pixel.
        subset
            Which p pixels of the image are given; None: all P.
        measured
            (B, 1, C, p), which of these were measured; None: all.

        Returns
        -------
        gain_offset, log_det
            The coefficients without a gradient, and ln det(1 + S Uᵀ U / σ²) (B, m), in nats, of
            the prior variances S and the columns U of the regression: the drawing times each of
            the n functions, and each of these alone.
        """
        functions, weight = self._at(subset, x.shape[0])
        n, n_channels = functions.shape[1], drawing.shape[2]
        pairs = (functions[:, :, None] * functions[:, None]).flatten(1, 2).transpose(1, 2)
        rest, count = x - drawing, n_channels * pairs.sum(1)[:, None]  # (B, m, C, p)
        if measured is not None:  # the others have no row in U, and none in x
            drawing, rest = (torch.where(measured, part, 0.0) for part in (drawing, rest))
            count = measured.sum(2).to(pairs.dtype) @ pairs
        squares, total = drawing.square().sum(2) @ pairs, drawing.sum(2) @ pairs  # (B, m, n·n)
        own = count.expand_as(squares)
        squares, total, own = (t.double().unflatten(2, (n, n)) for t in (squares, total, own))
        gram = torch.cat([torch.cat([squares, total], 3), torch.cat([total, own], 3)], 2)
        sd, v = self.prior_sd.double(), variance.double()
        one = torch.eye(2 * n, dtype=torch.float64, device=x.device)
        precision = one + sd[:, None] * sd * (weight / v) * gram
        with torch.no_grad():
            columns = functions.transpose(1, 2)  # (B, p, n)
            on = torch.cat([(rest * drawing).sum(2) @ columns, rest.sum(2) @ columns], 2)
            right = (weight / v) * sd * on.double()
        found, log_det = _solved(precision, right)
        with torch.no_grad():
            found = sd * found
            found[..., 0] += 1
            gain, offset = found.float().split(n, 2)
        return GainOffset(gain, offset), log_det.float()

    def expected(
        self, drawing: Tensor, found: GainOffset, subset: PixelSubset | None = None
    ) -> Tensor:
        """Expected pixels (B, m, C, p) of drawings (B, m, C, p), with gain and offset."""
        functions, _ = self._at(subset, drawing.shape[0])
        n = functions.shape[1]
        gain, offset = ((values[..., :n] @ functions)[:, :, None] for values in found)
        return gain * drawing + offset

    def log_prob(
        self,
        x: Tensor,
        drawing: Tensor,
        variance: Tensor,
        subset: PixelSubset | None = None,
        measured: Tensor | None = None,
    ) -> Tensor:
        """Log-density (B, m) of images under drawings, marginal over gain and offset.

        Arguments are those of `solve`. At their posterior means the quadratic form is at its
        minimum over gain and offset, so its gradient is that for fixed ones.
        """
        with torch.autocast(x.device.type, enabled=False):
            x, drawing = x.float(), drawing.float()
            found, log_det = self.solve(x, drawing, variance, subset, measured)
            weight = 1.0 if subset is None else subset.weight
            difference = x - self.expected(drawing, found, subset)
            n: Tensor | int = drawing.shape[2] * drawing.shape[3]
            if measured is not None:
                difference, n = torch.where(measured, difference, 0.0), measured.sum((2, 3))
            squares = weight * difference.square().sum((2, 3))
            n_pixels = weight * n
            away = torch.cat([found.gain, found.offset], 2)
            away[..., 0] -= 1
            of_prior = (away / self.prior_sd).square().sum(2)
            log_scale = n_pixels * torch.log(2 * torch.pi * variance) + log_det
            return -0.5 * (squares / variance + of_prior + log_scale)

    def _at(self, subset: PixelSubset | None, n_images: int) -> tuple[Tensor, float]:
        """The n functions (B or 1, n, p) at the pixels of a subset, and its weight."""
        n = len(self.prior_sd) // 2
        functions = self.functions[:, :, :n]
        if subset is None:
            return functions[:, 0], 1.0
        return subset.select(functions.expand(n_images, -1, -1, -1))[:, 0], subset.weight


def _solved(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solution (…, m), without a gradient, of matrix · solution = right, and ln det of the matrix.

    The matrix (…, m, m) is positive definite.
    """
    if torch.compiler.is_compiling():  # in an export, where ONNX has no Cholesky
        return _eliminated(matrix, right)
    root = torch.linalg.cholesky(matrix)
    log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    with torch.no_grad():
        return torch.cholesky_solve(right[..., None], root)[..., 0], log_det


def _eliminated(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """As `_solved`, by Gauss's elimination, which needs no pivots here."""
    rows, log_det = torch.cat([matrix, right[..., None]], -1), torch.zeros_like(right[..., 0])
    for i in range(right.shape[-1]):  # of few coefficients
        first = rows[..., i : i + 1, i : i + 1]
        log_det = log_det + first[..., 0, 0].log()
        pivot = rows[..., i : i + 1, :] / first
        others = rows - rows[..., i : i + 1] * pivot
        rows = torch.cat([others[..., :i, :], pivot, others[..., i + 1 :, :]], -2)
    return rows[..., -1], log_det
