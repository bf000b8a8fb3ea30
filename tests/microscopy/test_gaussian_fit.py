"""Gaussians of known position, height and shape are found again, also beside brighter ones."""

import numpy as np
import pytest

from vaerun.microscopy.gaussian_fit import draw_gaussians, fit_gaussians

PLACES = np.array([[20.3, 20.8], [20.1, 32.2], [40.6, 30.4]])


def test_position_height_and_width_are_exact_without_noise():
    image = 5 + draw_gaussians((60, 60), PLACES, np.array([3.0, 1.0, 2.0]), np.full(3, 2.5))
    fit = fit_gaussians(image, np.rint(PLACES), 12.0)
    assert fit.fits.all()
    np.testing.assert_allclose(fit.position, PLACES, atol=0.05)
    np.testing.assert_allclose(fit.height, [3, 1, 2], rtol=0.02)
    np.testing.assert_allclose(fit.sigma, 2.5, rtol=0.03)
    np.testing.assert_allclose(fit.background, 5, atol=0.03)
    assert fit.ellipticity.max() < 0.06


def test_an_ellipse_is_told_from_a_circle():
    rows, columns = np.mgrid[:41, :41] - 20.0
    image = np.exp(-0.5 * ((rows / 4) ** 2 + (columns / 2) ** 2))
    fit = fit_gaussians(image, np.array([[20.0, 20.0]]), 14.0)
    assert fit.ellipticity[0] == pytest.approx(0.5, abs=0.01)
    assert fit.sigma[0] == pytest.approx(8**0.5, rel=0.01)


def test_a_hole_is_no_peak():
    image = 5 - draw_gaussians((60, 60), PLACES[:1], np.ones(1), np.full(1, 2.5))
    assert not fit_gaussians(image, np.rint(PLACES[:1]), 12.0).fits[0]


def test_errors_of_positions_fall_with_the_dose():
    rng = np.random.default_rng(0)
    places = np.stack(np.mgrid[10:200:12, 10:200:12], -1).reshape(-1, 2) + rng.uniform(
        -1, 1, (256, 2)
    )
    signal = 0.2 + draw_gaussians((205, 205), places, np.ones(256), np.full(256, 2.4))
    errors = []
    for dose in (20, 2000):
        fit = fit_gaussians(rng.poisson(dose * signal) / dose, np.rint(places), 12.0)
        errors.append(np.sqrt(((fit.position - places)[fit.fits] ** 2).mean()))
    # of an ideal fit σ/√(electrons in the peak), some 0.1 px at a dose of 20
    assert errors[0] < 0.25
    assert errors[1] < errors[0] / 6
