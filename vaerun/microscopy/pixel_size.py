"""The pixel size of a graphene frame, measured from its own lattice, and frames of another size.

The Fourier transform of graphene has six first-order spots at |g| = 2/(√3·a) = 1/(0.213 nm),
60° apart, and six of the second order √3 times as far out, turned by 30°. How far out they lie,
in cycles per pixel, gives the pixel size.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import fft, ndimage

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# S bins along each axis of the spectrum, K of its spots, P pairs of spots.
# A vector g is (row, column) in cycles per pixel of the frame.

LATTICE_NM = 0.246  # a of graphene
FIRST_ORDER_NM = LATTICE_NM * 3**0.5 / 2  # between the lattice lines of the first order

PIXEL_NM = (0.003, 0.05)  # pixel sizes that are looked for
_MIN_LINES = 4  # lattice lines across the frame; fewer lie too near to the zero frequency
_PADDING = 2  # bins are so many times finer than those of the frame itself; even
_FLOOR = 1e-9  # of the highest power: below it rounding errors may look like anything
_CORE, _SURROUNDINGS = 3, 6  # half-widths in bins of a spot, and of the square around it
_N_SPOTS = 80  # among so many sharpest maxima of the half-plane a hexagon is looked for
_ANGLE_DEG, _RATIO = 6.0, 1.1  # by which drift and shear may make the hexagon irregular
_MIN_CONTRAST, _MEAN_CONTRAST = 2.6, 3.2  # of the weakest first-order spot, and of all of them
_MAX_CONTRAST = 5.0  # a spot needs no more
_OVER_RING = 2.5  # times the median at all angles: it is high where power falls steeply outwards
_MIN_SIDE = 96  # of the frame in pixels; in smaller ones blobs in a triangle look like spots


class _Spectrum(NamedTuple):
    """Power of a frame over frequency; zero frequency is bin (S/2, S/2).

    Attributes
    ----------
    log_power
        (S, S).
    contrast
        (S, S) log power less its mean around; noise reaches 3, lattices in real frames 6.
    near
        (S, S) highest contrast within two bins.
    """

    log_power: Floats
    contrast: Floats
    near: Floats


class _Hexagons(NamedTuple):
    """Spots that may be first-order spots of a lattice.

    Attributes
    ----------
    g1, g2
        (P, 2) two neighbouring ones.
    first, second
        (P, 3) contrast where spots of the first and second order would be.
    """

    g1: Floats
    g2: Floats
    first: Floats
    second: Floats


def lattice_pixel_nm(image: npt.NDArray[np.float32]) -> float | None:
    """Side of a pixel in nm, from the first-order spots of graphene; None where none stand out.

    Parameters
    ----------
    image
        (H, W), any scale. Pixels of 0.003 to 0.05 nm are found, where the shorter side of the
        frame has 96 of them or more and spans some 1.5 nm, seven lattice lines.

    Notes
    -----
    Three spots g₁, g₂ and g₁ − g₂ of about the same length, about 60° apart, are looked for among
    the sharp maxima of the power spectrum, and the pixel size follows from |g₁ × g₂|, which a
    shear by drift leaves as it is. Of several such hexagons that with the sharpest spots of both
    orders counts. The second order taken for the first loses there: it has nothing but the weak
    third and fourth order to go with it.
    """
    if min(image.shape) < _MIN_SIDE or np.ptp(image) == 0:
        return None
    spectrum = _spectrum(image)
    found = _hexagons(spectrum, _spots(spectrum, _lengths(image.shape)))
    if not len(found.first):
        return None
    best = _best(found)
    first, ring = found.first[best], _ring_contrast(spectrum, found.g1[best])
    if first.min() < _MIN_CONTRAST or first.mean() < max(_MEAN_CONTRAST, _OVER_RING * ring):
        return None
    area = _cell_area(spectrum, found.g1[best], found.g2[best])
    pixel_nm = float(FIRST_ORDER_NM * np.sqrt(area / np.sin(np.pi / 3)))
    return pixel_nm if PIXEL_NM[0] <= pixel_nm <= PIXEL_NM[1] else None


def _lengths(shape: tuple[int, ...]) -> tuple[float, float]:
    """Least and greatest |g| of the first order that is looked for, in cycles per pixel."""
    # Beyond the range too: a lattice there is not to be missed, and its second order taken for it.
    low, high = 0.8 * PIXEL_NM[0] / FIRST_ORDER_NM, 1.1 * PIXEL_NM[1] / FIRST_ORDER_NM
    return max(low, _MIN_LINES / min(shape)), high


def _spectrum(image: Floats) -> _Spectrum:
    """The spectrum of the frame under a Hann window, few outliers clipped."""
    rows, columns = image.shape
    # A speck of dirt or a heavy atom would cover the spectrum with its own fringes.
    clipped = np.clip(image, *np.percentile(image, [1, 95])).astype(np.float64)
    window = np.hanning(rows + 2)[1:-1, None] * np.hanning(columns + 2)[1:-1]
    windowed = window * (clipped - (window * clipped).sum() / window.sum())
    size = _PADDING * fft.next_fast_len(max(rows, columns))
    power = np.abs(fft.fftshift(fft.fft2(windowed.astype(np.float32), (size, size)))) ** 2
    log_power = np.log(power + _FLOOR * power.max() + np.finfo(np.float32).tiny)
    contrast = log_power - _mean_around(log_power)
    return _Spectrum(log_power, contrast, ndimage.maximum_filter(contrast, 5, mode="wrap"))


def _mean_around(values: Floats) -> Floats:
    """Mean over the square about each bin without the spot in its middle."""
    inner, outer = 2 * _CORE + 1, 2 * _SURROUNDINGS + 1
    sums = [ndimage.uniform_filter(values, n, mode="wrap") * n**2 for n in (inner, outer)]
    return (sums[1] - sums[0]) / (outer**2 - inner**2)


def _spots(spectrum: _Spectrum, lengths: tuple[float, float]) -> Floats:
    """The sharpest maxima whose length lies in the range, (K, 2), each with its opposite."""
    size = len(spectrum.contrast)
    frequency = fft.fftshift(fft.fftfreq(size))
    length = np.hypot(frequency[:, None], frequency)
    wanted = (length > lengths[0]) & (length < lengths[1])
    bins = np.argwhere(wanted & (spectrum.contrast == spectrum.near))
    order = np.argsort(-spectrum.contrast[tuple(bins.T)], kind="stable")
    bins = bins[order[: 2 * _N_SPOTS]]
    return _refined(spectrum, bins)


def _refined(spectrum: _Spectrum, bins: Ints) -> Floats:
    """The vectors of maxima, to a fraction of a bin."""
    size = len(spectrum.log_power)
    within = [_vertex(spectrum.log_power, bins, axis) for axis in (0, 1)]
    return (bins + np.stack(within, axis=1) - size // 2) / size


def _vertex(log_power: Floats, bins: Ints, axis: int) -> Floats:
    """Where, between −½ and ½ bin, the parabola through a maximum and its neighbours peaks."""
    step = np.eye(2, dtype=int)[axis]
    before, here, after = (log_power[tuple((bins + k * step).T)] for k in (-1, 0, 1))
    curvature = np.minimum(before - 2 * here + after, -1e-6)
    return np.clip((before - after) / (2 * curvature), -0.5, 0.5)


def _hexagons(spectrum: _Spectrum, spots: Floats) -> _Hexagons:
    """Pairs of spots about 60° apart and about equally long, (P, ...)."""
    rows, columns = spots.T
    cross = np.outer(rows, columns) - np.outer(columns, rows)
    angle = np.degrees(np.arctan2(cross, spots @ spots.T))
    length = np.hypot(rows, columns)
    ratio = length[:, None] / length
    pairs = (abs(angle - 60) < _ANGLE_DEG) & (ratio < _RATIO) & (ratio > 1 / _RATIO)
    one, other = np.nonzero(pairs)
    g1, g2 = spots[one], spots[other]
    first, second = (g1, g2, g1 - g2), (g1 + g2, 2 * g1 - g2, 2 * g2 - g1)
    return _Hexagons(
        g1=g1,
        g2=g2,
        first=np.stack([_contrast(spectrum, g) for g in first], axis=1),
        second=np.stack([_contrast(spectrum, g) for g in second], axis=1),
    )


def _best(found: _Hexagons) -> int:
    """The hexagon with the sharpest spots of both orders; of equals the one closest in."""
    spots = np.concatenate([found.first, found.second], axis=1)
    # Without noise all orders stand out more than enough, and the first order is the closest in.
    sharpness = np.minimum(spots, _MAX_CONTRAST).sum(axis=1)
    length = np.hypot(*found.g1.T)
    return int(np.where(sharpness > sharpness.max() - 0.5, length, np.inf).argmin())


def _contrast(spectrum: _Spectrum, g: Floats) -> Floats:
    """Highest contrast near each of the vectors, (P,); 0 beyond the spectrum."""
    size = len(spectrum.near)
    bins = np.rint(g * size).astype(int) + size // 2
    inside = ((bins >= 0) & (bins < size)).all(axis=1)
    return np.where(inside, spectrum.near[tuple(bins.clip(0, size - 1).T)], 0.0)


def _ring_contrast(spectrum: _Spectrum, g: Floats) -> float:
    """Median contrast of the bins that are as far from zero frequency as the vector."""
    size = len(spectrum.contrast)
    angle = np.linspace(0, np.pi, 60, endpoint=False)
    ring = np.hypot(*g) * size * np.stack([np.cos(angle), np.sin(angle)])
    return float(np.median(spectrum.contrast[tuple(np.rint(ring).astype(int) + size // 2)]))


def _cell_area(spectrum: _Spectrum, g1: Floats, g2: Floats) -> float:
    """|g₁ × g₂| of the lattice that fits g₁, g₂ and the spot at g₁ − g₂ best, least squares."""
    size = len(spectrum.contrast)
    corner = np.rint((g1 - g2) * size).astype(int) + size // 2 - 2
    around = spectrum.contrast[corner[0] : corner[0] + 5, corner[1] : corner[1] + 5]
    bin_ = corner + np.unravel_index(around.argmax(), around.shape)
    g3 = _refined(spectrum, bin_[None])[0]
    a, b = 2 * g1 + g2 + g3, g1 + 2 * g2 - g3
    return float(a[0] * b[1] - a[1] * b[0]) / 9


def resampled(image: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    """The frame with `factor` times as many pixels a side, bilinear and without aliasing.

    Parameters
    ----------
    image
        (H, W).
    factor
        Above 0; 2 halves the pixel size.

    Returns
    -------
    npt.NDArray[np.float32]
        (⌊H·factor⌋, ⌊W·factor⌋). The scale is `factor` to the last digit, as in `rescale`: the
        part of a pixel that would be left over at the far edges is cut off.
    """
    image = np.array(image, dtype=np.float32)
    shape = tuple(math.floor(side * factor) for side in image.shape)
    if factor > 1 and any(new == old for new, old in zip(shape, image.shape, strict=True)):
        # torch copies an axis whose length stays, whatever the scale
        offset, step = 0.5 / factor - 0.5, [1 / factor] * 2
        return ndimage.affine_transform(image, step, offset, shape, order=1, mode="nearest")
    finer = F.interpolate(
        torch.from_numpy(image)[None, None],
        scale_factor=factor,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    return finer[0, 0].numpy()


def rescale(position: Floats, factor: float | Floats) -> Floats:
    """Where positions in a frame lie in ``resampled(frame, factor)``; back by ``1 / factor``.

    Parameters
    ----------
    position
        (N, 2) rows and columns in pixels; (0, 0) is the centre of the first pixel.
    factor
        As for `resampled`; one, or (N, 1).
    """
    return (np.asarray(position) + 0.5) * factor - 0.5
