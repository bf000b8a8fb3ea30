"""The spacing of a lattice, estimated from a frame of any crystal by its autocorrelation."""

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage, special

# H, W rows and columns of a frame, S pixels along a tile.

SHORTEST_PX, LONGEST_PX = 3.5, 80.0  # repeats that are looked for
_TILE_PX = 256  # side of the tiles whose spectra are averaged: bent lattices and grains stay sharp
_MOST_TILES = 16  # along an axis: those of a stitched frame would take minutes
_FEWEST_LINES = 3  # of the lattice across a tile
_RING_BINS = 1.0  # width of the rings over which the background of the spectrum is taken
_BY_CHANCE = 1e-4  # of the bins of noise exceed the level that belongs to a lattice
_AS_HIGH = 0.6  # maxima of the autocorrelation at least this high, over the highest, are repeats
_LEAST = 0.02  # of the autocorrelation at zero, below which there is no lattice

Floats = npt.NDArray[np.floating]


def lattice_repeat_px(image: npt.NDArray[np.float32]) -> float | None:
    """Length in pixels of the shortest vector by which a frame (H, W) repeats itself.

    Returns
    -------
    float or None
        Between atoms of one kind; the nearest atoms of a lattice with several are up to √3 times
        nearer. None if no lattice stands out.

    Notes
    -----
    The power spectra of overlapping tiles are averaged (Welch 1967). What exceeds the median of
    its ring about zero frequency belongs to the lattice; its inverse transform is the
    autocorrelation of the lattice alone, without noise or slow changes of brightness.
    """
    side = min(_TILE_PX, *image.shape)
    power, n_tiles = _mean_power(image, side)
    lattice = _lattice_power(power, n_tiles)
    correlation = fft.fftshift(fft.ifft2(lattice).real)
    middle = side // 2
    if correlation[middle, middle] <= _LEAST * power.mean():
        return None
    correlation = correlation / correlation[middle, middle]
    return _shortest_repeat(correlation, middle)


def _mean_power(image: npt.NDArray[np.float32], side: int) -> tuple[Floats, int]:
    """Power spectrum (S, S) of overlapping tiles, zero frequency first, and their number."""
    window = np.outer(np.hanning(side + 2)[1:-1], np.hanning(side + 2)[1:-1])
    total, n_tiles = np.zeros((side, side)), 0
    for row in _starts(image.shape[0], side):
        for column in _starts(image.shape[1], side):
            tile = image[row : row + side, column : column + side].astype(np.float64)
            # clipped, since a bright speck or a heavy atom would cover the spectrum
            tile = np.clip(tile, *np.percentile(tile, [0.5, 99.5]))
            tile = tile - ndimage.gaussian_filter(tile, LONGEST_PX / 2, mode="nearest")
            spread = tile.std()
            if spread > 0:
                total += np.abs(fft.fft2(window * tile / spread)) ** 2
                n_tiles += 1
    return total, n_tiles


def _starts(length: int, side: int) -> npt.NDArray[np.int64]:
    """First pixels of tiles along an axis: they overlap by half, or are 16 in even distances."""
    n = min(max(int(np.ceil((length - side) / (side / 2))), 0) + 1, _MOST_TILES)
    return np.linspace(0, length - side, n).round().astype(np.int64)


def _lattice_power(power: Floats, n_tiles: int) -> Floats:
    """The part of a spectrum (S, S) of some tiles that exceeds the background of its ring."""
    side = len(power)
    # the power of noise, summed over tiles, has a gamma distribution
    shape = max(n_tiles, 1)
    stands_out = special.gammainccinv(shape, _BY_CHANCE) / special.gammaincinv(shape, 0.5)
    frequency = fft.fftfreq(side)
    length = np.hypot(frequency[:, None], frequency)
    ring = np.rint(length * side / _RING_BINS).astype(np.int64)
    level = ndimage.median(power, ring, np.arange(ring.max() + 1))
    level = np.asarray(level)[ring]
    low = max(_FEWEST_LINES / side, 1 / LONGEST_PX)
    beyond = (length >= low) & (length <= 1 / (SHORTEST_PX * 0.7)) & (power > stands_out * level)
    return np.where(beyond, power - level, 0.0)


def _shortest_repeat(correlation: Floats, middle: int) -> float | None:
    """Length of the shortest vector at which an autocorrelation has a high maximum."""
    highest = ndimage.maximum_filter(correlation, 3, mode="wrap")
    rows, columns = np.nonzero(correlation == highest)
    lengths = np.hypot(rows - middle, columns - middle)
    within = (lengths >= SHORTEST_PX) & (lengths <= min(LONGEST_PX, 0.9 * middle))
    if not within.any():
        return None
    rows, columns, lengths = rows[within], columns[within], lengths[within]
    heights = correlation[rows, columns]
    # tiles are windowed, so that far repeats are lower
    best = heights >= _AS_HIGH * heights.max()
    if heights.max() <= 0:
        return None
    return float(lengths[best].min())
