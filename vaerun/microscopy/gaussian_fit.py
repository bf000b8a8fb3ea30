"""Gaussians fitted to many peaks of a frame at once, each without what its neighbours add."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# N peaks, P pixels around each. Seven parameters: height, background, row, column, and a, b, c of
# exp(−½(a·y² + 2b·y·x + c·x²)), where y and x are rows and columns from the centre.

_REACH = 0.5  # of the spacing: radius of the pixels that are fitted
_FIRST_SD = 0.25  # spacings
_SDS = (0.08, 0.7)  # least and greatest sd that count as a fit, spacings
_MOST_SHIFT = 0.4  # of the spacing, from the first guess
_STEPS, _ROUNDS = 8, 2
_DRAWN = 4.0  # sd from the centre to where a Gaussian is drawn
_DAMPING = (1e-2, 1e-6, 1e6)  # at first, least, greatest
_AT_ONCE = 1_000_000  # pixels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class FittedGaussians(NamedTuple):
    """Results for N peaks.

    Attributes
    ----------
    position
        (N, 2) row and column, pixels.
    height, background
        (N,) of the Gaussian, and what it is on top of.
    sigma, ellipticity
        (N,) geometric mean of the sd along both axes, pixels; 1 − minor over major axis.
    fits
        (N,) whether the height is positive and the Gaussian of reasonable size and place.
    """

    position: Floats
    height: Floats
    background: Floats
    sigma: Floats
    ellipticity: Floats
    fits: Bools


def fit_gaussians(image: Floats, start: Floats, spacing: float) -> FittedGaussians:
    """Fit a Gaussian on a constant background to each bright peak of an image (H, W).

    Parameters
    ----------
    start
        (N, 2) first guess of the positions, row and column in pixels, inside the image.
    spacing
        Distance of neighbours, pixels.

    Notes
    -----
    Levenberg–Marquardt, all peaks side by side; SciPy's fits one at a time, which takes minutes
    for a frame. In a second round what the Gaussians of the neighbours add to the pixels of a peak
    is subtracted first, so that bright neighbours don't attract it.
    """
    near, wide = _disc(_REACH * spacing), _disc(2 * _REACH * spacing)
    at_once = max(_AT_ONCE // len(near), 1)
    parameters = _first_guess(image, start, spacing)
    drawn = np.zeros_like(image)
    for round_ in range(_ROUNDS):
        if round_:
            drawn = _draw(image.shape, parameters, wide, at_once)
        for begin in range(0, len(start), at_once):
            some = slice(begin, begin + at_once)
            pixels, inside = _pixels(image.shape, start[some], near)
            values = image[pixels[..., 0], pixels[..., 1]]
            if round_:
                own = _height(pixels, parameters[some])
                values = values - drawn[pixels[..., 0], pixels[..., 1]] + own
            parameters[some] = _fitted(values, pixels, inside, parameters[some])
    return _results(parameters, start, spacing)


def draw_gaussians(
    shape: tuple[int, int], position: Floats, height: Floats, sigma: Floats
) -> Floats:
    """The sum (H, W) of round Gaussians at positions (N, 2), of height and sd (px) (N,)."""
    precision, zero = 1 / sigma**2, np.zeros(len(height))
    columns = np.column_stack((height, zero, position, precision, zero, precision))
    offsets = _disc(_DRAWN * float(sigma.max())) if len(sigma) else _disc(1)
    return _draw(shape, columns, offsets, max(_AT_ONCE // len(offsets), 1))


def _disc(radius: float) -> Ints:
    """Rows and columns (P, 2) of the pixels within a radius of 0, those of 3 × 3 at least."""
    reach = max(int(np.ceil(radius)), 1)
    grid = np.moveaxis(np.mgrid[-reach : reach + 1, -reach : reach + 1], 0, -1).reshape(-1, 2)
    return np.asarray(grid[np.hypot(*grid.T) <= max(radius, 1.5)], np.int64)


def _pixels(shape: tuple[int, ...], centre: Floats, offsets: Ints) -> tuple[Ints, Bools]:
    """Pixels (N, P, 2) about each centre, and which are inside the image; the others are moved."""
    pixels = np.rint(centre).astype(np.int64)[:, None] + offsets
    bounds = np.array(shape) - 1
    inside = ((pixels >= 0) & (pixels <= bounds)).all(-1)
    return np.clip(pixels, 0, bounds), np.asarray(inside)


def _first_guess(image: Floats, start: Floats, spacing: float) -> Floats:
    """Parameters (N, 7) of round Gaussians of usual size."""
    pixels, _ = _pixels(image.shape, start, _disc(_REACH * spacing))
    values = image[pixels[..., 0], pixels[..., 1]]
    low, top = values.min(1), values[:, pixels.shape[1] // 2]
    precision = np.full(len(start), 1 / max(_FIRST_SD * spacing, 0.7) ** 2)
    zero = np.zeros(len(start))
    columns = (top - low, low, *start.T, precision, zero, precision)
    return np.stack(columns, axis=1)


def _height(pixels: Ints, parameters: Floats) -> Floats:
    """Gaussians without their background at pixels (N, P, 2), (N, P)."""
    height, _, row, column, a, b, c = parameters.T[..., None]
    y, x = pixels[..., 0] - row, pixels[..., 1] - column
    exponent = a * y**2 + 2 * b * y * x + c * x**2
    return np.asarray(height * np.exp(-0.5 * np.clip(exponent, -2, 200)))


def _fitted(values: Floats, pixels: Ints, inside: Bools, parameters: Floats) -> Floats:
    """Parameters (N, 7) after some steps on values (N, P) at pixels (N, P, 2)."""
    best = parameters.copy()
    damping = np.full(len(best), _DAMPING[0])
    residual = np.where(inside, values - _height(pixels, best) - best[:, 1:2], 0.0)
    error = (residual**2).sum(1)
    for _ in range(_STEPS):
        slope = _slopes(pixels, best) * inside[..., None]
        normal = np.einsum("npi,npj->nij", slope, slope, optimize=True)
        right = np.einsum("npi,np->ni", slope, residual)
        scale = np.einsum("nii->ni", normal)
        scale += damping[:, None] * scale + 1e-12 * scale.max(1, keepdims=True) + 1e-30
        tried = best + np.linalg.solve(normal, right[..., None])[..., 0]
        left = np.where(inside, values - _height(pixels, tried) - tried[:, 1:2], 0.0)
        better = (left**2).sum(1) < error
        best[better], residual[better] = tried[better], left[better]
        error = np.where(better, (left**2).sum(1), error)
        damping = np.clip(np.where(better, damping / 10, damping * 10), *_DAMPING[1:])
    return best


def _slopes(pixels: Ints, parameters: Floats) -> Floats:
    """Derivatives (N, P, 7) of Gaussian and background by the parameters."""
    height, _, row, column, a, b, c = parameters.T[..., None]
    y, x = pixels[..., 0] - row, pixels[..., 1] - column
    drawn = _height(pixels, parameters)
    unit = drawn / np.where(height == 0, 1.0, height)
    return np.stack(
        (
            unit,
            np.ones_like(unit),
            drawn * (a * y + b * x),
            drawn * (b * y + c * x),
            -0.5 * drawn * y**2,
            -drawn * y * x,
            -0.5 * drawn * x**2,
        ),
        axis=-1,
    )


def _draw(shape: tuple[int, ...], parameters: Floats, offsets: Ints, at_once: int) -> Floats:
    """The sum (H, W) of all Gaussians that are sound, without backgrounds."""
    image = np.zeros(shape)
    *_, a, b, c = parameters.T
    sound = (a > 0) & (c > 0) & (a * c > b**2) & (parameters[:, 0] > 0)
    parameters = parameters[sound]
    for begin in range(0, len(parameters), at_once):
        some = parameters[begin : begin + at_once]
        pixels, inside = _pixels(shape, some[:, 2:4], offsets)
        values = np.where(inside, _height(pixels, some), 0.0)
        np.add.at(image, (pixels[..., 0], pixels[..., 1]), values)
    return image


def _results(parameters: Floats, start: Floats, spacing: float) -> FittedGaussians:
    height, background, row, column, a, b, c = parameters.T
    middle, spread = (a + c) / 2, np.hypot((a - c) / 2, b)
    low, high = middle - spread, middle + spread  # precisions along both axes
    fits = (height > 0) & (low > 0)
    low, high = np.where(fits, low, 1.0), np.where(fits, high, 1.0)
    sigma = (low * high) ** -0.25
    position = np.stack([row, column], axis=1)
    moved = np.hypot(*(position - start).T)
    fits &= (moved <= _MOST_SHIFT * spacing) & np.isfinite(parameters).all(1)
    fits &= (sigma >= _SDS[0] * spacing) & (sigma <= _SDS[1] * spacing)
    return FittedGaussians(position, height, background, sigma, 1 - np.sqrt(low / high), fits)
