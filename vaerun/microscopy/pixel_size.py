"""The pixel size measured from the graphene lattice, and frames resampled to another one.

The Fourier transform of graphene has six first-order spots at |g| = 2/(√3·a) = 1/(0.213 nm),
60° apart, and six of the second order √3 times as far out, rotated by 30°. Their distance from
zero frequency, in cycles per pixel, gives the pixel size.
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

PIXEL_NM = (0.003, 0.05)  # smallest and largest pixel size that is measured
_MIN_LINES = 4  # across the frame; with fewer the spots are too near to zero frequency
_PADDING = 2  # zero padding: the bins are finer by this even factor
_FLOOR = 1e-9  # of the highest power: rounding errors are below it
_CORE, _SURROUNDINGS = 3, 6  # half-widths in bins of a spot, and of the square about it
_N_SPOTS = 80  # sharpest maxima of the half-plane, among which hexagons are searched
_ANGLE_DEG, _RATIO = 6.0, 1.1  # errors of a hexagon that drift and shear may cause
_MIN_CONTRAST, _MEAN_CONTRAST = 2.6, 3.2  # of the weakest first-order spot, and of all of them
_MAX_CONTRAST = 5.0  # contrast beyond it adds nothing to the score of a spot
_OVER_RING = 2.5  # least contrast over its median at |g|, high where power falls steeply
_MIN_SIDE = 96  # pixels; in smaller frames three blobs in a triangle look like a lattice


class _Spectrum(NamedTuple):
    """Power spectrum of a frame; zero frequency is bin (S/2, S/2).

    Attributes
    ----------
    log_power
        (S, S) natural logarithm of the power.
    contrast
        (S, S) log power minus its mean nearby; noise reaches 3, lattices in real frames 6.
    near
        (S, S) highest contrast within two bins.
    """

    log_power: Floats
    contrast: Floats
    near: Floats


class _Hexagons(NamedTuple):
    """Candidates for the first-order spots of a lattice.

    Attributes
    ----------
    g1, g2
        (P, 2) two neighbouring spots.
    first, second
        (P, 3) contrast at the spots of the first and second order that these two imply.
    """

    g1: Floats
    g2: Floats
    first: Floats
    second: Floats


def lattice_pixel_nm(image: npt.NDArray[np.float32]) -> float | None:
    """Side of a pixel in nm, from the first-order spots of graphene; None if none stand out.

    Parameters
    ----------
    image
        (H, W), any intensity scale. Pixels of 0.003 to 0.05 nm are measured if the shorter side of
        the frame has 96 of them or more and spans some 1.5 nm, seven lattice lines.

    Notes
    -----
    Among the sharp maxima of the power spectrum, three spots g₁, g₂ and g₁ − g₂ of about the same
    length and about 60° apart make a hexagon; the pixel size follows from |g₁ × g₂|, which is
    invariant to shear by drift. The hexagon with the sharpest spots of both orders is taken. A
    hexagon of second-order spots loses, since it implies weak spots of third and fourth order.
    """
    if min(image.shape) < _MIN_SIDE or np.ptp(image) == 0:
        return None
    spectrum = _spectrum(image)
    hexagons = _hexagons(spectrum, _spots(spectrum, _lengths(image.shape)))
    if not len(hexagons.first):
        return None
    best = _best(hexagons)
    first, ring = hexagons.first[best], _ring_contrast(spectrum, hexagons.g1[best])
    if first.min() < _MIN_CONTRAST or first.mean() < max(_MEAN_CONTRAST, _OVER_RING * ring):
        return None
    area = _cell_area(spectrum, hexagons.g1[best], hexagons.g2[best])
    pixel_nm = float(FIRST_ORDER_NM * np.sqrt(area / np.sin(np.pi / 3)))
    return pixel_nm if PIXEL_NM[0] <= pixel_nm <= PIXEL_NM[1] else None


def _lengths(shape: tuple[int, ...]) -> tuple[float, float]:
    """Least and greatest |g| of first-order spots, in cycles per pixel."""
    # wider than `PIXEL_NM`: else the second order of a lattice beyond it would be taken for one
    low, high = 0.8 * PIXEL_NM[0] / FIRST_ORDER_NM, 1.1 * PIXEL_NM[1] / FIRST_ORDER_NM
    return max(low, _MIN_LINES / min(shape)), high


def _spectrum(image: Floats) -> _Spectrum:
    """The spectrum of a frame under a Hann window."""
    rows, columns = image.shape
    # clipped, since the fringes of a bright speck or heavy atom would cover the spectrum
    clipped = np.clip(image, *np.percentile(image, [1, 95])).astype(np.float64)
    window = np.hanning(rows + 2)[1:-1, None] * np.hanning(columns + 2)[1:-1]
    windowed = window * (clipped - (window * clipped).sum() / window.sum())
    size = _PADDING * fft.next_fast_len(max(rows, columns))
    power = np.abs(fft.fftshift(fft.fft2(windowed.astype(np.float32), (size, size)))) ** 2
    log_power = np.log(power + _FLOOR * power.max() + np.finfo(np.float32).tiny)
    contrast = log_power - _mean_around(log_power)
    return _Spectrum(log_power, contrast, ndimage.maximum_filter(contrast, 5, mode="wrap"))


def _mean_around(values: Floats) -> Floats:
    """Mean over the square about each bin, without the spot in its middle."""
    inner, outer = 2 * _CORE + 1, 2 * _SURROUNDINGS + 1
    sums = [ndimage.uniform_filter(values, n, mode="wrap") * n**2 for n in (inner, outer)]
    return (sums[1] - sums[0]) / (outer**2 - inner**2)


def _spots(spectrum: _Spectrum, lengths: tuple[float, float]) -> Floats:
    """The sharpest maxima with |g| in this range, (K, 2), each with its opposite."""
    size = len(spectrum.contrast)
    frequency = fft.fftshift(fft.fftfreq(size))
    length = np.hypot(frequency[:, None], frequency)
    wanted = (length > lengths[0]) & (length < lengths[1])
    bins = np.argwhere(wanted & (spectrum.contrast == spectrum.near))
    order = np.argsort(-spectrum.contrast[tuple(bins.T)], kind="stable")
    bins = bins[order[: 2 * _N_SPOTS]]
    return _refined(spectrum, bins)


def _refined(spectrum: _Spectrum, bins: Ints) -> Floats:
    """The vectors g (K, 2) of maxima in bins (K, 2), to a fraction of a bin."""
    size = len(spectrum.log_power)
    within = [_vertex(spectrum.log_power, bins, axis) for axis in (0, 1)]
    return (bins + np.stack(within, axis=1) - size // 2) / size


def _vertex(log_power: Floats, bins: Ints, axis: int) -> Floats:
    """The peak of the parabola through a maximum and its neighbours, from −½ to ½ bin."""
    step = np.eye(2, dtype=int)[axis]
    before, here, after = (log_power[tuple((bins + k * step).T)] for k in (-1, 0, 1))
    curvature = np.minimum(before - 2 * here + after, -1e-6)
    return np.clip((before - after) / (2 * curvature), -0.5, 0.5)


def _hexagons(spectrum: _Spectrum, spots: Floats) -> _Hexagons:
    """All pairs of spots that are about 60° apart and about equally long."""
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


def _best(hexagons: _Hexagons) -> int:
    """The index of the hexagon with the sharpest spots of both orders; of equals the smallest."""
    spots = np.concatenate([hexagons.first, hexagons.second], axis=1)
    # without noise all orders reach the limit, and the first order is the smallest hexagon
    sharpness = np.minimum(spots, _MAX_CONTRAST).sum(axis=1)
    length = np.hypot(*hexagons.g1.T)
    return int(np.where(sharpness > sharpness.max() - 0.5, length, np.inf).argmin())


def _contrast(spectrum: _Spectrum, g: Floats) -> Floats:
    """Highest contrast within two bins of vectors (P, 2), (P,); 0 outside the spectrum."""
    size = len(spectrum.near)
    bins = np.rint(g * size).astype(int) + size // 2
    inside = ((bins >= 0) & (bins < size)).all(axis=1)
    return np.where(inside, spectrum.near[tuple(bins.clip(0, size - 1).T)], 0.0)


def _ring_contrast(spectrum: _Spectrum, g: Floats) -> float:
    """Median contrast of the bins at the distance |g| from zero frequency."""
    size = len(spectrum.contrast)
    angle = np.linspace(0, np.pi, 60, endpoint=False)
    ring = np.hypot(*g) * size * np.stack([np.cos(angle), np.sin(angle)])
    return float(np.median(spectrum.contrast[tuple(np.rint(ring).astype(int) + size // 2)]))


def _cell_area(spectrum: _Spectrum, g1: Floats, g2: Floats) -> float:
    """|g₁ × g₂| of the lattice that fits g₁, g₂ and the spot at g₁ − g₂ by least squares."""
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
        (⌊H·factor⌋, ⌊W·factor⌋). The scale is exactly `factor`, as in `rescale`: a remaining part
        of a pixel at the far edges is cut off.
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
    """Positions in a frame as positions in ``resampled(frame, factor)``; back by ``1 / factor``.

    Parameters
    ----------
    position
        (N, 2) rows and columns in pixels; (0, 0) is the centre of the first pixel.
    factor
        As for `resampled`; a number, or (N, 1).
    """
    return (np.asarray(position) + 0.5) * factor - 0.5
