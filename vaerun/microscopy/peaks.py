"""Atoms or particles of any frame, without training: band-pass, local maxima, fitted Gaussians."""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from vaerun.microscopy.band_maxima import BLURS, BandMaxima, BandPass, band_maxima
from vaerun.microscopy.gaussian_fit import fit_gaussians
from vaerun.microscopy.lattice_order import local_order
from vaerun.microscopy.lattice_spacing import lattice_repeat_px

# H, W rows and columns of a frame, N peaks.

# Of the repeat of a lattice: distances of nearest atoms that are tried, for one atom a cell, for a
# second in the middle of a square or of a triangle, for dumbbells.
RATIOS = (1.0, 0.71, 0.58, 0.4)
_NEARER, _MORE_BLUR = 1.1, 1.05  # times the score, that a smaller distance or more blur must give
_LEAST_PX = 3.0  # distance of nearest atoms
_CHANCE = 0.3  # order of a region that noise reaches
ORDERED = 0.4  # order from which a peak is taken for one of a crystal
_NOISY = 0.3  # below the order of most peaks, which noise lowers, none is left out
_TRIED_PX = 512  # side of the middle of a frame in which the band-pass is chosen
_SHARP = 0.2  # spacings of blur, up to which frames are fitted without
_LEAST_SD = 0.08  # spacings, of a peak that was blurred
SHARE = 0.12  # of the typical height around it that a peak has, at least

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """N peaks of a frame, and the spacing of neighbours.

    Attributes
    ----------
    position
        (N, 2) row and column, pixels.
    intensity
        (N,) height of the fitted Gaussian, in the intensities of the frame; positive.
    background
        (N,) what the Gaussian is on top of; below it for dark peaks.
    sigma
        (N,) sd of the Gaussian, pixels: geometric mean over its axes.
    ellipticity
        (N,) 1 − minor over major axis, 0 for a circle.
    contrast
        (N,) height in the band-passed frame: of all measures the one that noise changes least.
    order
        (N,) of the surroundings, see `local_order`.
    spacing_px
        Median distance to the nearest neighbour.
    n_disordered
        Peaks that were left out, since their surroundings are not ordered.
    """

    position: Floats
    intensity: Floats
    background: Floats
    sigma: Floats
    ellipticity: Floats
    contrast: Floats
    order: Floats
    spacing_px: float
    n_disordered: int = 0

    def __len__(self) -> int:
        return len(self.position)

    def select(self, index: npt.NDArray[np.generic]) -> "Peaks":
        """The peaks at these positions (n,), or where a mask (N,) is True."""
        columns = {
            f.name: getattr(self, f.name)[index]
            for f in fields(self)
            if f.name not in ("spacing_px", "n_disordered")
        }
        return replace(self, **columns)


def find_peaks(
    image: Image,
    *,
    band_pass: BandPass | None = None,
    share: float = SHARE,
    dark: bool = False,
    empty: Bools | None = None,
    least_order: float = ORDERED,
) -> Peaks | None:
    """The peaks of a frame (H, W) of any intensities; None without a lattice or a spacing.

    Parameters
    ----------
    band_pass
        For atoms of which size and distance; None: see `choose_band_pass`.
    share
        Height of a peak over the typical one around it, at least.
    dark
        Whether atoms are darker than what is between them.
    empty
        (H, W) True where no peak is looked for, such as in vacuum.
    least_order
        Order of the surroundings of a peak, at least: less is that of an amorphous edge.
    """
    if band_pass is None:
        band_pass = choose_band_pass(image, share=share, dark=dark, empty=empty)
    if band_pass is None:
        return None
    signed = _signed(image, dark=dark)
    found = band_maxima(signed, band_pass, share, empty)
    if not len(found.position):
        return None
    peaks = _peaks(signed, found, band_pass, dark=dark)
    least = min(least_order, float(np.quantile(peaks.order, 0.75)) - _NOISY)
    ordered = peaks.order >= least
    return replace(peaks.select(ordered), n_disordered=int((~ordered).sum()))


def choose_band_pass(
    image: Image,
    spacing_px: float | None = None,
    *,
    share: float = SHARE,
    dark: bool = False,
    empty: Bools | None = None,
) -> BandPass | None:
    """The distance of neighbours and the blur at which most peaks are ordered like a crystal.

    None without a lattice. A given distance is kept; only the blur is chosen.
    """
    middle = tuple(
        slice(max((side - _TRIED_PX) // 2, 0), max((side - _TRIED_PX) // 2, 0) + _TRIED_PX)
        for side in image.shape
    )
    signed = _signed(image, dark=dark)[middle]
    hidden = None if empty is None else empty[middle]
    if spacing_px is not None:
        return _best_blur(signed, spacing_px, share, hidden).band_pass
    repeat = lattice_repeat_px(image)
    if repeat is None:
        return None
    best = _Tried(None, 0.0, 0.0)
    for ratio in RATIOS:
        tried = _best_blur(signed, max(ratio * repeat, _LEAST_PX), share, hidden)
        if tried.score > _NEARER * best.score:
            best = tried
    if best.band_pass is None:
        return None
    # the ratio of the blur to the distance that was tried stays
    return BandPass(best.spacing_px, best.band_pass.blur_px)


class _Tried(NamedTuple):
    """A band-pass, the median distance of the maxima that it gives, and how ordered they are."""

    band_pass: BandPass | None
    spacing_px: float
    score: float


def _best_blur(signed: Floats, spacing: float, share: float, empty: Bools | None) -> _Tried:
    """The least blur that gives as much order as any; without order, one that clears the noise."""
    best, clear = _Tried(None, spacing, 0.0), None
    for blur in BLURS:
        band_pass = BandPass(spacing, blur * spacing)
        found = band_maxima(signed, band_pass, share, empty)
        clear = band_pass if clear is None and found.clear else clear
        if len(found.position) < 2:
            continue
        actual = nearest_distance(found.position)
        order = local_order(found.position, actual)
        score = float(np.maximum(order - _CHANCE, 0).sum())
        if score > _MORE_BLUR * best.score:
            best = _Tried(band_pass, actual, score)
    if best.band_pass is None:
        best = _Tried(clear or BandPass(spacing, BLURS[-1] * spacing), spacing, 0.0)
    return best


def _signed(image: Image, *, dark: bool) -> Floats:
    return np.asarray(-image if dark else image, np.float64)


def nearest_distance(position: Floats) -> float:
    """Median distance (px) of positions (N, 2), two or more, to their nearest neighbours."""
    distance, _ = cKDTree(position).query(position, k=2)
    return float(np.median(distance[:, 1]))


def _peaks(signed: Floats, found: BandMaxima, band_pass: BandPass, *, dark: bool) -> Peaks:
    """Gaussians fitted to maxima; those to which none fits keep their place and height."""
    spacing = band_pass.spacing_px
    blur = 0.0 if found.clear and band_pass.blur_px <= _SHARP * spacing else band_pass.blur_px
    fitted = fit_gaussians(ndimage.gaussian_filter(signed, blur), found.position, spacing)
    # a blurred Gaussian is wider and lower by a known factor
    sharp = np.maximum(fitted.sigma**2 - blur**2, (_LEAST_SD * spacing) ** 2)
    height = fitted.height * fitted.sigma**2 / sharp
    fits = fitted.fits
    position = np.where(fits[:, None], fitted.position, found.position)
    actual = nearest_distance(position) if len(position) > 1 else spacing
    return Peaks(
        position=position,
        intensity=np.where(fits, height, found.height),
        background=np.where(fits, -fitted.background if dark else fitted.background, np.nan),
        sigma=np.where(fits, np.sqrt(sharp), np.nan),
        ellipticity=np.where(fits, fitted.ellipticity, np.nan),
        contrast=found.height,
        order=local_order(position, actual),
        spacing_px=actual,
    )
