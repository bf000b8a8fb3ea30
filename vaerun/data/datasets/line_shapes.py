"""Shapes of a line in a curve, by name, each a function of how far a point is from its middle."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import voigt_profile

Floats = npt.NDArray[np.float64]
Shape = Callable[[Floats, Floats], Floats]

# N curves of L points; u is the distance from the middle of the line over its width, (N, L), and
# m is what else varies of a shape, (N, 1), from 0 to 1. All are 1 at their highest, nearly.

_HALF_LOOP = 1.5  # widths: a loop is at its upper branch for twice as long
_APART, _LEAST_SECOND = 3.0, 0.3  # of a doublet: widths between its lines, height of the second


def _gaussian(u: Floats, m: Floats) -> Floats:
    del m
    return np.exp(-0.5 * np.square(u))


def _lorentzian(u: Floats, m: Floats) -> Floats:
    del m
    return 1 / (1 + np.square(u))


def _voigt(u: Floats, m: Floats) -> Floats:
    """A convolution of a Gaussian of sd 1 − m and a Lorentzian of half width m."""
    sd, half = np.maximum(1 - m, 1e-3), np.maximum(m, 1e-6)
    return np.asarray(voigt_profile(u, sd, half) / voigt_profile(np.zeros_like(m), sd, half))


def _doublet(u: Floats, m: Floats) -> Floats:
    """Two Gaussian lines, the second lower."""
    second = _LEAST_SECOND + (1 - 2 * _LEAST_SECOND) * m
    return _gaussian(u + _APART / 2, m) + second * _gaussian(u - _APART / 2, m)


def _fano(u: Floats, m: Floats) -> Floats:
    """An asymmetric resonance (Fano 1961) with q from 0.7 to 1.5, from 0 up to 1."""
    q = 0.7 + 0.8 * m
    return np.square(q + u) / (1 + np.square(u)) / (1 + np.square(q))


def _loop(u: Floats, m: Floats) -> Floats:
    """A hysteresis loop, unrolled along the sweep: up to the upper branch and back.

    A coercive field delays both jumps, so that it shifts the loop. An imprint brings one nearer
    to the other, so that it stretches it. m is how gradual the jumps are.
    """
    gradual = 0.1 + 0.2 * m
    rise, fall = np.tanh((u + _HALF_LOOP) / gradual), np.tanh((u - _HALF_LOOP) / gradual)
    return np.asarray(0.5 * (rise - fall))


# `data.shapes` → the function that draws it
LINE_SHAPES: dict[str, Shape] = {
    "gaussian": _gaussian,
    "lorentzian": _lorentzian,
    "voigt": _voigt,
    "doublet": _doublet,
    "fano": _fano,
    "loop": _loop,
}
