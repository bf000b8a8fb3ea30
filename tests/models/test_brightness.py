"""Gain and offset: closed forms against a multivariate normal, invariance of what is encoded."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from vaerun.models.brightness import Brightness, GainOffset, apply_brightness

SD = torch.tensor(0.3)
N_PIXELS, M = 12, 3


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(5, 1, 1, N_PIXELS), torch.rand(5, M, 1, N_PIXELS)


def test_the_marginal_is_that_of_a_normal_with_the_covariance_of_gain_and_offset(images):
    x, drawing = images
    brightness = Brightness()
    constants = brightness.constants
    got = brightness.log_prob(x, drawing, SD**2)
    for b in range(len(x)):
        for h in range(M):
            m = drawing[b, h, 0].double()
            covariance = SD.double() ** 2 * torch.eye(N_PIXELS, dtype=torch.float64)
            covariance += constants.gain_sd**2 * torch.outer(m, m)
            covariance += constants.offset_sd**2
            want = MultivariateNormal(m, covariance).log_prob(x[b, 0, 0].double())
            assert got[b, h].item() == pytest.approx(want.item(), abs=1e-4)


def test_gain_and_offset_are_the_posterior_mean_of_a_linear_regression(images):
    x, drawing = images
    brightness = Brightness()
    constants = brightness.constants
    found, _ = brightness.solve(x, drawing, SD**2)
    design = np.stack([drawing[2, 1, 0].numpy(), np.ones(N_PIXELS)], 1).astype(float)
    prior = np.diag([constants.gain_sd**-2, constants.offset_sd**-2])
    precision = prior + design.T @ design / SD.item() ** 2
    right = prior @ [1, 0] + design.T @ x[2, 0, 0].numpy() / SD.item() ** 2
    gain, offset = np.linalg.solve(precision, right)
    assert found.gain[2, 1].item() == pytest.approx(gain, abs=1e-5)
    assert found.offset[2, 1].item() == pytest.approx(offset, abs=1e-5)


def test_gradients_of_drawing_and_noise_are_those_of_the_whole_expression(images):
    x, drawing = (t.double() for t in images)
    brightness = Brightness()

    def direct(drawing, variance):
        constants = brightness.constants
        m = drawing[:, :, 0]
        eye = torch.eye(N_PIXELS, dtype=torch.float64)
        covariance = variance * eye + constants.gain_sd**2 * m[..., None] * m[..., None, :]
        covariance = covariance + constants.offset_sd**2
        return MultivariateNormal(m, covariance).log_prob(x[:, :, 0]).sum()

    variance = (SD.double() ** 2).requires_grad_()
    drawing.requires_grad_()
    want = torch.autograd.grad(direct(drawing, variance), (drawing, variance))
    got = torch.autograd.grad(brightness.log_prob(x, drawing, variance).sum(), (drawing, variance))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)


def test_gain_and_offset_of_a_drawing_are_found_again():
    torch.manual_seed(1)
    drawing = torch.rand(4, 1, 8, 8)
    true = GainOffset(torch.tensor([0.5, 1.0, 1.3, 0.8]), torch.tensor([0.2, 0.0, -0.3, 0.1]))
    x = apply_brightness(drawing, true)
    found, _ = Brightness().solve(
        x.flatten(2)[:, None], drawing.flatten(2)[:, None], torch.tensor(1e-4)
    )
    for a, b in zip(found, true, strict=True):
        torch.testing.assert_close(a[:, 0], b, rtol=0, atol=0.01)


def test_the_encoder_sees_the_same_image_whatever_the_offset_and_nearly_so_whatever_the_gain():
    torch.manual_seed(2)
    images = torch.rand(6, 1, 8, 8)
    brightness = Brightness()
    brightness.fit(images)
    seen = brightness.standardise(images)
    torch.testing.assert_close(seen, brightness.standardise(images + 0.7), rtol=0, atol=1e-5)
    assert (seen - brightness.standardise(2 * images)).abs().max() < 0.15 * seen.abs().max()
    flat = 0.5 + 0.01 * torch.randn(1, 1, 8, 8)  # noise alone: it is not blown up
    assert brightness.standardise(flat).std() < 0.3 * seen.std()


def test_a_stored_network_has_the_constants_of_its_training():
    fitted = Brightness()
    fitted.fit(torch.rand(9, 1, 5, 5))
    other = Brightness()
    other.load_state_dict(fitted.state_dict())
    assert other.constants == fitted.constants != Brightness().constants
