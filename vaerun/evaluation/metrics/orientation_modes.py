"""Number of canonical orientations that a model learned: separated peaks of the angle error."""

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import Array

# N differences, G grid points round the circle, M modes.

GRID = 720
LEAST_MASS = 0.07  # a peak holds at least this share of the images
LEAST_HEIGHT = 0.08  # and is at least this high, the highest peak being 1
DEEPEST_VALLEY = 0.6  # peaks are one when the valley between them is above this share of the lower
BANDWIDTH_DEG = (4.0, 30.0)  # least and largest kernel width


def count_orientation_modes(difference: npt.ArrayLike, symmetry: int = 1) -> int:
    """Number of separated peaks of an angle difference: 1 is ideal.

    Parameters
    ----------
    difference
        (N,) encoded minus true angle, radians, N >= 1.
    symmetry
        s: differences count modulo 2π/s, so two peaks 180° apart are one for s = 2.

    Notes
    -----
    The density is smoothed with a wrapped normal kernel whose width follows the narrowest part of
    the data. Neighbouring peaks merge unless there is a deep valley between them; a peak that is
    left counts if it is high and holds enough of the images, so scattered outliers do not.
    """
    turns = np.remainder(np.asarray(difference, np.float64) * symmetry, 2 * np.pi)  # full circle
    density = _density(turns, _bandwidth(turns))
    peaks, valleys = _merged_modes(density)
    if len(peaks) == 1:
        return 1
    height = density[peaks]
    high = height >= LEAST_HEIGHT * height.max()
    return max(int(np.sum(high & (_basin_mass(density, valleys) >= LEAST_MASS))), 1)


def _bandwidth(turns: Array) -> float:
    """Kernel width, radians, from the shortest arc that holds a quarter of the data."""
    n = len(turns)
    x = np.sort(turns)
    held = max(int(np.ceil(0.25 * n)), 1)
    around = np.concatenate([x, x + 2 * np.pi])
    arc = float(np.min(around[held : held + n] - x))
    sd = arc / 0.637  # a normal holds a quarter of itself in 0.637 standard deviations
    least, largest = np.deg2rad(BANDWIDTH_DEG)
    return float(np.clip(1.06 * sd * n**-0.2, least, largest))


def _density(turns: Array, bandwidth: float) -> Array:
    """Smoothed density round the circle, (G,), sum 1."""
    cell = np.floor(turns * (GRID / (2 * np.pi))).astype(np.int64) % GRID
    counts = np.bincount(cell, minlength=GRID) / len(turns)
    frequency = np.arange(GRID // 2 + 1)
    kernel = np.exp(-0.5 * (frequency * bandwidth) ** 2)  # characteristic function
    return np.fft.irfft(np.fft.rfft(counts) * kernel, GRID)


def _merged_modes(density: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Peaks (M,) in order round the circle, and the valley (M,) that follows each.

    The shallowest valley is removed with the lower of its two peaks until all are deep.
    """
    rising = density > np.roll(density, 1)
    peaks = [int(p) for p in np.flatnonzero(rising & ~np.roll(rising, -1))]
    if len(peaks) < 2:
        top = int(np.argmax(density))
        return np.array([top]), np.array([top])
    valleys = [_lowest(density, a, b) for a, b in zip(peaks, peaks[1:] + peaks[:1], strict=True)]
    while len(peaks) > 1:
        after = peaks[1:] + peaks[:1]
        lower = np.minimum(density[peaks], density[after])
        depth = density[valleys] / np.maximum(lower, 1e-300)
        i = int(np.argmax(depth))
        if depth[i] <= DEEPEST_VALLEY:
            break
        j = (i + 1) % len(peaks)
        peaks[j] = max(peaks[i], peaks[j], key=lambda p: density[p])
        del peaks[i], valleys[i]
    return np.array(peaks), np.array(valleys)


def _lowest(density: Array, start: int, stop: int) -> int:
    """Grid point of the least density between two grid points, counted upwards."""
    way = np.arange(start, stop if stop > start else stop + GRID) % GRID
    return int(way[np.argmin(density[way])])


def _basin_mass(density: Array, valleys: npt.NDArray[np.int64]) -> Array:
    """Share of the data between the valley before each peak and the one after it, (M,)."""
    total = np.concatenate([[0.0], np.cumsum(density)])
    upto = total[valleys]
    mass = upto - np.roll(upto, 1)
    return np.where(mass < 0, mass + 1, mass)
