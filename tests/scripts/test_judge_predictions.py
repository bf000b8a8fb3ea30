"""Pairs of particles and spectra, which predictions are judged on."""

import judge_predictions as script
import numpy as np
import torch


def test_spectra_are_of_particles_and_not_of_their_angles():
    first, other = (
        script.particles(3, 12, 7, size=24, noise_sd=0.0, range_deg=degrees)
        for degrees in (180, 70)
    )
    turned = torch.rad2deg(first.factors["angle"] - other.factors["angle"])
    assert turned.abs().max() > 20
    assert not torch.allclose(first.images, other.images, atol=0.1)
    clean = script.spectra(first)
    np.testing.assert_array_equal(clean, script.spectra(other))
    assert clean.shape == (12, 100)
    assert np.ptp(clean, axis=0).max() > 50
