"""Frames of atoms: position, height and width of blobs, and noise by dose."""

import dataclasses

import numpy as np
import pytest

from vaerun.microscopy.simulation.stem_imaging import SI_OVER_C, Optics, expose

CLEAN = Optics(
    dose=1e6, background=0.0, contamination=0.0, tail=0.0, jitter_px=0.0, cover=0.0, blur_px=0.0
)


def frame(
    position: list[list[float]], species: list[int] | None = None, **changes: float
) -> np.ndarray:
    rng = np.random.default_rng(0)
    kinds = np.array(species or [0] * len(position))
    optics = dataclasses.replace(CLEAN, **changes)
    return expose(np.array(position), kinds, (60, 70), optics, rng).image


@pytest.mark.parametrize("place", [(30.0, 30.0), (25.3, 40.7), (2.5, 60.1)])
def test_a_blob_is_at_its_atom(place: tuple[float, float]):
    image = frame([list(place)])
    window = image * (image > 0.02 * image.max())
    if place[0] > 10:
        centre = [
            (window.sum(1 - k) * np.arange(60 + 10 * k)).sum() / window.sum() for k in (0, 1)
        ]
        np.testing.assert_allclose(centre, place, atol=0.05)
    assert np.hypot(*(np.array(np.unravel_index(image.argmax(), image.shape)) - place)) < 1


def test_a_carbon_is_as_high_as_the_dose_and_silicon_brighter_by_its_contrast():
    image = frame([[20.0, 20.0], [40.0, 50.0]], [0, 1])
    assert image[20, 20] == pytest.approx(1e6, rel=0.05)
    assert image[40, 50] / image[20, 20] == pytest.approx(SI_OVER_C, rel=0.01)


def test_a_blob_is_as_wide_as_the_probe():
    image = frame([[30.0, 35.0]], probe_A=0.6)
    rows, columns = np.indices(image.shape)
    variance = (image * ((rows - 30) ** 2 + (columns - 35) ** 2)).sum() / image.sum() / 2
    assert np.sqrt(variance) * 0.14 == pytest.approx(0.6, rel=0.05)


def test_noise_is_that_of_counting():
    rng = np.random.default_rng(1)
    empty = np.zeros((0, 2))
    optics = dataclasses.replace(CLEAN, dose=40.0, background=0.5)
    image = expose(empty, np.zeros(0, int), (200, 200), optics, rng).image
    assert image.mean() == pytest.approx(20, rel=0.02)
    assert image.var() == pytest.approx(20, rel=0.05)


def test_atoms_at_one_side_do_not_show_at_the_other():
    image = frame([[0.0, 0.0]])
    assert image[-10:, -10:].max() < 1e-3 * image.max()


def test_thick_contamination_covers_its_share_and_is_bright():
    rng = np.random.default_rng(2)
    optics = dataclasses.replace(CLEAN, cover=0.3, dose=50.0)
    exposure = expose(np.zeros((0, 2)), np.zeros(0, int), (256, 256), optics, rng)
    assert 0.2 < exposure.hidden.mean() < 0.35
    assert exposure.image[exposure.hidden].mean() > 5 * exposure.image[~exposure.hidden].mean() + 1
