"""Maxima of a band-passed frame that stand out from the noise and from what is around them."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

# H, W rows and columns of a frame, N maxima.

BLURS = (0.15, 0.2, 0.25, 0.3, 0.35)  # sd of the narrow blur of the band-pass, spacings
_WIDER = 0.3  # spacings: sd that its wide blur adds; with more, columns that lack an atom drown
_APART = 0.55  # spacings between two maxima, at least
_NOISE = 1.0  # sd of the noise that a maximum is above, at least
_CLEAR = 4.0  # sd of the noise that a typical maximum is above where no more blur is needed
_TYPICAL = 3.0  # sd, in spacings, of the neighbourhood that a maximum is compared with
_FLOOR = 0.3  # of the typical height in the frame, which that in a neighbourhood is above
_TALLEST = 3.0  # times the median height, up to which a maximum counts for the typical one

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class BandPass(NamedTuple):
    """Distance of neighbours, and sd of the narrow blur, both in pixels."""

    spacing_px: float
    blur_px: float

    @property
    def wide_px(self) -> float:
        """Sd of the wide blur, whose result is subtracted."""
        return math.hypot(self.blur_px, _WIDER * self.spacing_px)


class BandMaxima(NamedTuple):
    """Maxima of a band-passed frame.

    Attributes
    ----------
    position
        (N, 2) row and column, to a fraction of a pixel.
    height
        (N,) in the band-passed frame.
    clear
        Whether a typical one is clearly above the noise.
    """

    position: Floats
    height: Floats
    clear: bool


def band_maxima(
    signed: Floats, band_pass: BandPass, share: float, empty: Bools | None
) -> BandMaxima:
    """Maxima of a frame (H, W) that are above the noise and not low for their place.

    Parameters
    ----------
    signed
        (H, W), atoms bright.
    share
        Height of a maximum over the typical one around it, at least.
    empty
        (H, W) True where there are none.
    """
    spacing = band_pass.spacing_px
    band = _filtered(signed, band_pass)
    noise = _noise_sd(signed, band_pass)
    square = 2 * max(int(_APART * spacing / 2**0.5), 1) + 1
    at = band == ndimage.maximum_filter(band, size=square, mode="nearest")
    at &= band > _NOISE * noise
    at[[0, -1]] = at[:, [0, -1]] = False  # the maximum may be outside the frame
    if empty is not None:
        at &= ~empty
    pixels, height = np.argwhere(at), band[at]
    if not len(pixels):
        return BandMaxima(np.zeros((0, 2)), height, clear=False)
    typical = _typical_height(pixels, height, band.shape, _TYPICAL * spacing)
    clear = bool(np.median(typical / np.maximum(noise[at], 1e-30)) >= _CLEAR)
    tall = height >= share * typical
    pixels, height = pixels[tall], height[tall]
    alone = _highest_around(pixels.astype(np.float64), height, _APART * spacing)
    return BandMaxima(_vertices(band, pixels[alone]), height[alone], clear)


def _highest_around(position: Floats, height: Floats, reach: float) -> Bools:
    """Which positions (N, 2) have no higher one within reach, (N,); of equals the first."""
    one, other = cKDTree(position).query_pairs(reach, output_type="ndarray").T
    lower = np.where(height[one] < height[other], one, other)
    alone = np.ones(len(position), bool)
    alone[lower] = False
    return alone


def _vertices(band: Floats, pixels: Ints) -> Floats:
    """Sub-pixel positions (N, 2) of maxima: of parabolas through the pixel and its neighbours."""
    position = pixels.astype(np.float64)
    for axis, step in enumerate(np.eye(2, dtype=int)):
        sides = [np.clip(pixels + k * step, 0, np.array(band.shape) - 1) for k in (-1, 0, 1)]
        before, here, after = (band[tuple(side.T)] for side in sides)
        bend = np.minimum(before - 2 * here + after, -1e-30)
        position[:, axis] += np.clip((before - after) / (2 * bend), -0.5, 0.5)
    return position


def _filtered(signed: Floats, band_pass: BandPass) -> Floats:
    narrow, wide = (
        ndimage.gaussian_filter(signed, sd, mode="reflect")
        for sd in (band_pass.blur_px, band_pass.wide_px)
    )
    return np.asarray(narrow - wide)


def _noise_sd(signed: Floats, band_pass: BandPass) -> Floats:
    """Sd (H, W) of the noise of the band-passed frame, if that of its pixels is independent."""
    second = np.abs(np.diff(np.diff(signed, axis=0, prepend=signed[1:2]), axis=1, prepend=0.0))
    second[:, 0] = second[:, 1]
    # of four pixels each; the mean of the modulus of a normal number is √(2/π) of its sd
    side = 2 * round(_TYPICAL * band_pass.spacing_px) + 1
    local = ndimage.uniform_filter(second, side, mode="reflect") * np.sqrt(np.pi / 2) / 2
    narrow, wide = band_pass.blur_px**2, band_pass.wide_px**2
    # the sum of the squares of the band-pass, a difference of Gaussians
    squares = (1 / narrow + 1 / wide - 4 / (narrow + wide)) / (4 * np.pi)
    return np.asarray(local * np.sqrt(squares))


def _typical_height(found: Ints, height: Floats, shape: tuple[int, ...], sd: float) -> Floats:
    """Mean height around each peak, weighted by height, and not far below that of all peaks."""
    height = np.minimum(height, _TALLEST * np.median(height))  # foreign atoms, specks
    coarse = max(sd / 4, 1.0)
    bins = (found / coarse).astype(np.int64)
    sums = np.zeros((2, *(int(side / coarse) + 1 for side in shape)))
    for total, power in zip(sums, (1, 2), strict=True):
        np.add.at(total, tuple(bins.T), height**power)
    once, twice = (ndimage.gaussian_filter(total, sd / coarse, mode="constant") for total in sums)
    local = (twice / np.maximum(once, 1e-30))[tuple(bins.T)]
    overall = float((height**2).sum() / height.sum())
    return np.maximum(local, _FLOOR * overall)
