"""Densities against torch's own distributions."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from vaerun.data.pixel_statistics import PixelStatistics, pixel_statistics
from vaerun.models.likelihoods import build, choose


def test_bernoulli_is_the_coin_s_log_probability():
    output = torch.linspace(-30, 30, 2 * 3 * 2 * 5).view(2, 3, 2, 5)  # B, m, C, P
    x = (torch.rand(2, 1, 2, 5) < 0.5).float()
    coin = torch.distributions.Bernoulli(logits=output)
    likelihood = build("bernoulli", None)
    got = likelihood.log_prob(x, output)
    torch.testing.assert_close(got, coin.log_prob(x.expand_as(output)).sum((2, 3)))
    torch.testing.assert_close(likelihood.mean(output), coin.mean)


def test_the_gradient_of_bernoulli_is_that_of_its_differences():
    output = torch.randn(2, 3, 1, 4, dtype=torch.float64, requires_grad=True)
    x = torch.rand(2, 1, 1, 4, dtype=torch.float64)
    weight = torch.randn(2, 3, dtype=torch.float64)
    written_out = (x * output - torch.nn.functional.softplus(output)).sum((2, 3))
    (want,) = torch.autograd.grad((written_out * weight).sum(), output)
    log_prob = build("bernoulli", None).log_prob(x, output)
    (got,) = torch.autograd.grad((log_prob * weight).sum(), output)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_autocast_leaves_the_density_exact():
    output, x = 5 * torch.randn(2, 3, 1, 500), torch.rand(2, 1, 1, 500)
    likelihood = build("bernoulli", None)
    with torch.autocast("cpu", torch.bfloat16):
        got = likelihood.log_prob(x, output)
    torch.testing.assert_close(got, likelihood.log_prob(x, output))


@pytest.mark.parametrize("sd", [0.2, None])
def test_gaussian_is_a_normalised_density(sd: float | None):
    x, output = torch.rand(2, 1, 3, 5), torch.rand(2, 4, 3, 5)
    want = Normal(output, 0.3 if sd is None else sd).log_prob(x).sum((2, 3))
    torch.testing.assert_close(build("gaussian", sd).log_prob(x, output), want)


def test_a_learned_width_goes_to_that_of_the_noise():
    likelihood = build("gaussian", None)
    likelihood.start(0.3)
    noise = 0.05 * torch.randn(1, 1, 1, 20_000, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=3e-3, betas=(0.9, 0.95))
    for _ in range(200):  # few hundred steps of the usual size
        loss = -likelihood.log_prob(noise, torch.zeros_like(noise)).mean() / 20_000
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert likelihood.variance.item() ** 0.5 == pytest.approx(float(noise.std()), rel=0.03)


@pytest.mark.parametrize("sd", [0.0, 0.005, 0.02, 0.3, 2.0])
def test_learning_starts_from_the_given_sd_but_not_below_its_least(sd: float):
    likelihood = build("gaussian", None)
    likelihood.start(sd)
    assert likelihood.variance.item() ** 0.5 == pytest.approx(max(sd, 0.01 * 2**0.5), rel=1e-4)
    fixed = build("gaussian", 0.005)
    fixed.start(sd)
    assert fixed.variance.item() ** 0.5 == pytest.approx(0.005)


def test_images_without_noise_do_not_let_the_sd_vanish_and_noise_brings_it_back():
    likelihood = build("gaussian", None)
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=3e-3, betas=(0.9, 0.95))
    output = torch.zeros(1, 1, 1, 2000)
    for residual, least, most in ((0.0, 0.0099, 0.0101), (0.2, 0.19, 0.21)):
        for _ in range(2000):
            loss = -likelihood.log_prob(output + residual, output).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert least <= likelihood.variance.item() ** 0.5 <= most


def pixels(images: torch.Tensor) -> PixelStatistics:
    return pixel_statistics(len(images), images[0].numel(), lambda index: images[index])


IMAGES = st.integers(0, 2**31).map(
    lambda seed: torch.rand(5, 1, 3, 4, generator=torch.Generator().manual_seed(seed))
)


@given(IMAGES, st.floats(0, 1))
def test_binary_images_are_bernoulli_and_flat_grey_ones_gaussian(x: torch.Tensor, level: float):
    binary = pixels((x < level).float())
    assert binary.binary_share == pytest.approx(1)
    assert choose(binary)[0] == "bernoulli"
    grey = 0.1 + 0.8 * level
    assert pixels(grey + 0 * x).binary_share == pytest.approx(0, abs=1e-5)
    assert choose(pixels(grey + 0 * x))[0] == "gaussian"


@given(IMAGES, st.floats(0, 1))
def test_binary_share_is_what_pixels_between_black_and_white_leave(x: torch.Tensor, part: float):
    x = (1 - part) * x + part * x.round()
    share, mean = pixels(x).binary_share, float(x.double().mean())
    rest = float((x * (1 - x)).double().mean()) / (mean * (1 - mean))
    assert share == pytest.approx(1 - rest, abs=1e-5)
    assert pixels(1 - x).binary_share == pytest.approx(share, abs=1e-5)  # inverted
    assert pixels(0.3 + 0.4 * x).binary_share <= share + 1e-6  # less contrast


def test_black_images_and_white_ones_are_binary():
    for level in (0.0, 1.0):
        assert choose(pixels(torch.full((3, 1, 2, 2), level)))[0] == "bernoulli"


def test_statistics_are_of_all_pixels_and_of_evenly_spread_images_of_many():
    x = torch.rand(7, 2, 3, 4)
    few = pixels(x)
    assert few.mean == pytest.approx(float(x.mean()), rel=1e-5)
    assert few.sd == pytest.approx(float(x.std(unbiased=False)), rel=1e-5)
    shown: list[int] = []
    pixel_statistics(10_001, 1, lambda index: shown.extend(index.tolist()) or torch.zeros(1))
    assert len(set(shown)) == 2000
    assert (shown[0], shown[-1]) == (0, 10_000)
    assert {b - a for a, b in itertools.pairwise(shown)} <= {5, 6}


def test_the_reason_has_the_number():
    statistics = PixelStatistics(mean=0.2, sd=0.25)
    assert choose(statistics) == (
        "gaussian",
        "images are grey (39 % of the variance of black and white ones)",
    )


def test_a_given_width_is_not_learned():
    assert list(build("gaussian", 0.5).parameters()) == []
