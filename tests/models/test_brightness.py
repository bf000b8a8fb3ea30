"""Gain and offset: closed forms against a multivariate normal, invariance of what is encoded."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from vaerun.models.brightness import Brightness, BrightnessConstants, GainOffset
from vaerun.models.networks.pixel_subset import RandomPixels, RowSubset

SD = torch.tensor(0.3)
SIZE, M = (3, 4), 3
N_PIXELS = SIZE[0] * SIZE[1]
PLANES = BrightnessConstants(
    contrast=0.25, gain_sd=0.5, offset_sd=0.25, gain_slope_sd=0.2, offset_slope_sd=0.1
)


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(5, 1, 1, N_PIXELS), torch.rand(5, M, 1, N_PIXELS)


@pytest.fixture(params=["constants", "planes"])
def brightness(request):
    made = Brightness(SIZE)
    if request.param == "planes":
        made.constants = PLANES
    return made


def design_of(brightness: Brightness, drawing: torch.Tensor) -> torch.Tensor:
    """Columns (P, 2·n) of the regression on a drawing (P,), from the constants alone."""
    row, column = torch.meshgrid(
        torch.linspace(-2 / 3, 2 / 3, 3), torch.linspace(-1, 1, 4), indexing="ij"
    )
    functions = torch.stack([torch.ones(N_PIXELS), row.flatten(), column.flatten()], 1).double()
    if not brightness.constants.gain_slope_sd:
        functions = functions[:, :1]
    return torch.cat([drawing.double()[:, None] * functions, functions], 1)


def covariance_of(brightness: Brightness, drawing: torch.Tensor) -> torch.Tensor:
    design = design_of(brightness, drawing)
    noise = SD.double() ** 2 * torch.eye(N_PIXELS, dtype=torch.float64)
    return noise + design * brightness.prior_sd.double() ** 2 @ design.T


def test_the_marginal_is_that_of_a_normal_with_the_covariance_of_gain_and_offset(
    images, brightness
):
    x, drawing = images
    got = brightness.log_prob(x, drawing, SD**2)
    for b in range(len(x)):
        for h in range(M):
            m = drawing[b, h, 0]
            normal = MultivariateNormal(m.double(), covariance_of(brightness, m))
            want = normal.log_prob(x[b, 0, 0].double())
            assert got[b, h].item() == pytest.approx(want.item(), abs=1e-4)


def test_gain_and_offset_are_the_posterior_mean_of_a_linear_regression(images, brightness):
    x, drawing = images
    found, _ = brightness.solve(x, drawing, SD**2)
    got = torch.cat([found.gain, found.offset], 2)[2, 1].numpy()
    design = design_of(brightness, drawing[2, 1, 0]).numpy()
    prior = np.diag(brightness.prior_sd.double().numpy() ** -2)
    mean = np.zeros(len(prior))
    mean[0] = 1
    precision = prior + design.T @ design / SD.item() ** 2
    right = prior @ mean + design.T @ x[2, 0, 0].numpy() / SD.item() ** 2
    np.testing.assert_allclose(got, np.linalg.solve(precision, right), atol=1e-5)


def test_gradients_of_drawing_and_noise_are_those_of_the_whole_expression(images, brightness):
    x, drawing = (t.double() for t in images)

    def direct(drawing, variance):
        eye = torch.eye(N_PIXELS, dtype=torch.float64)
        columns = torch.stack(
            [torch.stack([design_of(brightness, m[0]) for m in of_image]) for of_image in drawing]
        )
        prior = brightness.prior_sd.double() ** 2
        covariance = variance * eye + columns * prior @ columns.transpose(2, 3)
        return MultivariateNormal(drawing[:, :, 0], covariance).log_prob(x[:, :, 0]).sum()

    variance = (SD.double() ** 2).requires_grad_()
    drawing.requires_grad_()
    want = torch.autograd.grad(direct(drawing, variance), (drawing, variance))
    got = torch.autograd.grad(brightness.log_prob(x, drawing, variance).sum(), (drawing, variance))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)


def test_planes_of_gain_and_offset_are_found_again():
    torch.manual_seed(1)
    brightness, drawing = Brightness((8, 8)), torch.rand(4, 1, 1, 64)
    brightness.constants = PLANES
    gain, offset = 0.1 * torch.randn(4, 1, 3), 0.1 * torch.randn(4, 1, 3)
    gain[..., 0] += 1
    x = brightness.expected(drawing, GainOffset(gain, offset))
    found, _ = brightness.solve(x, drawing, torch.tensor(1e-4))
    torch.testing.assert_close(found.gain, gain, rtol=0, atol=0.02)
    torch.testing.assert_close(found.offset, offset, rtol=0, atol=0.02)


@pytest.mark.parametrize(
    "subset",
    [RowSubset(0, 3, 8), RandomPixels(torch.arange(0, 64, 2).repeat(4, 1), 64)],
    ids=["rows", "pixels"],
)
def test_from_some_pixels_the_same_planes_are_found(subset):
    torch.manual_seed(3)
    brightness, drawing = Brightness((8, 8)), torch.rand(4, 1, 1, 64)
    brightness.constants = PLANES
    gain, offset = torch.tensor([[[1.1, 0.1, -0.2]]]), torch.tensor([[[0.1, 0.05, 0.1]]])
    found = GainOffset(gain.expand(4, 1, 3), offset.expand(4, 1, 3))
    x = brightness.expected(drawing, found)
    got, _ = brightness.solve(subset.select(x), subset.select(drawing), torch.tensor(1e-5), subset)
    torch.testing.assert_close(got.gain, found.gain, rtol=0, atol=0.02)
    torch.testing.assert_close(got.offset, found.offset, rtol=0, atol=0.02)


def test_planes_are_looked_for_where_they_are_asked_for_as_steep_as_they_are():
    torch.manual_seed(4)
    brightness = Brightness((16, 16))
    slope = 0.05 * torch.randn(500, 2, 1)
    planes = brightness.functions[0, 0, 1:]
    images = (0.5 + (slope * planes).sum(1)).view(500, 1, 16, 16)
    images = images + 0.1 * torch.rand(500, 1, 16, 16)
    brightness.fit(images)
    assert brightness.constants.offset_slope_sd == brightness.constants.gain_slope_sd == 0
    brightness.fit(images, planes=True)
    assert brightness.constants.offset_slope_sd == pytest.approx(0.05, rel=0.1)
    assert brightness.constants.gain_slope_sd == pytest.approx(0.05 / 0.55, rel=0.1)


def test_the_encoder_sees_the_same_image_whatever_the_offset_and_nearly_so_whatever_the_gain():
    torch.manual_seed(2)
    images = torch.rand(6, 1, 8, 8)
    brightness = Brightness((8, 8))
    brightness.fit(images)
    seen = brightness.standardise(images)
    torch.testing.assert_close(seen, brightness.standardise(images + 0.7), rtol=0, atol=1e-5)
    assert (seen - brightness.standardise(2 * images)).abs().max() < 0.15 * seen.abs().max()
    flat = 0.5 + 0.01 * torch.randn(1, 1, 8, 8)  # noise alone: it is not blown up
    assert brightness.standardise(flat).std() < 0.3 * seen.std()


def test_shown_images_have_the_brightness_and_contrast_of_most():
    torch.manual_seed(5)
    images = 0.3 + 0.4 * torch.rand(50, 1, 8, 8)
    brightness = Brightness((8, 8))
    brightness.fit(images)
    level, contrast = images.mean((1, 2, 3)).median(), images.std((1, 2, 3), correction=0).median()
    for made in (images, 0.5 * images + 0.4, 3 * images):
        shown = brightness.usual(made)
        torch.testing.assert_close(shown.mean((1, 2, 3)), level.expand(50), rtol=0, atol=1e-5)
        sd = shown.std((1, 2, 3), correction=0)
        torch.testing.assert_close(sd, contrast.expand(50), rtol=0.3, atol=0)


def test_a_stored_network_has_the_constants_of_its_training():
    fitted = Brightness((5, 5))
    fitted.fit(torch.rand(9, 1, 5, 5), planes=True)
    other = Brightness((5, 5))
    other.load_state_dict(fitted.state_dict())
    assert other.constants == fitted.constants != Brightness((5, 5)).constants
