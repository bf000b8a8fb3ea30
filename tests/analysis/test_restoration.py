import numpy as np
import pytest

from vaerun.analysis.restoration import psnr_db, restoration


def test_psnr_is_that_of_the_mean_error_over_all_pixels():
    """Two images of two pixels: errors 0.1, 0.3 and 0, 0.2, so MSE = 0.14 / 4 = 0.035."""
    clean = np.array([0.5, 0.5, 0.2, 0.2]).reshape(2, 1, 1, 2)
    images = np.array([0.6, 0.2, 0.2, 0.4]).reshape(2, 1, 1, 2)
    assert psnr_db(images, clean) == pytest.approx(14.559320, abs=1e-6)


def test_ten_times_less_noise_is_twenty_decibels_more():
    noise = np.random.default_rng(0).normal(size=(7, 1, 5, 3))
    clean = np.full((7, 1, 5, 3), 0.5)
    more, less = (psnr_db(clean + sd * noise, clean) for sd in (0.1, 0.01))
    assert less - more == pytest.approx(20)


def test_equal_images_have_a_finite_ratio():
    assert 100 < psnr_db(np.ones((2, 1, 3, 3)), np.ones((2, 1, 3, 3))) < 200


def test_the_gain_is_output_over_input():
    clean = np.zeros((2, 1, 3, 3), np.float32)
    found = restoration(clean + 0.1, clean + 0.01, clean)
    assert found == pytest.approx({"input_db": 20, "output_db": 40, "gain_db": 20}, abs=1e-4)
