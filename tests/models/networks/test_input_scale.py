"""Grey images have mean 0 and sd 1 before an encoder sees them."""

import pytest
import torch

from vaerun.models.networks.input_scale import InputScale

IMAGES = 0.5 + 0.03 * torch.randn(50, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def test_fitted_images_have_mean_0_and_sd_1():
    scale = InputScale()
    assert torch.equal(scale(IMAGES), IMAGES)
    scale.fit(IMAGES)
    seen = scale(IMAGES)
    assert float(seen.mean()) == pytest.approx(0, abs=1e-4)
    assert float(seen.std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_brightness_and_contrast_of_the_data_set_make_no_difference():
    scale, other = InputScale(), InputScale()
    scale.fit(IMAGES)
    other.fit(1 - 0.3 * IMAGES)  # dark for bright, too
    torch.testing.assert_close(other(1 - 0.3 * IMAGES), -scale(IMAGES), atol=1e-4, rtol=0)


def test_images_of_one_grey_stay_as_they_are():
    scale, grey = InputScale(), torch.full((4, 1, 5, 5), 0.7)
    scale.fit(grey)
    assert torch.equal(scale(grey), grey)


def test_it_is_stored_and_a_run_without_it_sees_images_as_they_are():
    scale, restored = InputScale(), InputScale()
    scale.fit(IMAGES)
    restored.load_state_dict(scale.state_dict())
    assert torch.equal(restored(IMAGES), scale(IMAGES))
    restored.load_state_dict({})
    assert torch.equal(restored(IMAGES), IMAGES)
