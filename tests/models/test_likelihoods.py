"""Densities against torch's own distributions."""

import math

import pytest
import torch
from torch.distributions import Normal

from vaerun.models.likelihoods import build


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
    noise = 0.05 * torch.randn(1, 1, 1, 20_000, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        loss = -likelihood.log_prob(noise, torch.zeros_like(noise)).mean() / 20_000
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert math.exp(likelihood.log_sd.item()) == pytest.approx(float(noise.std()), rel=0.02)


def test_a_given_width_is_not_learned():
    assert list(build("gaussian", 0.5).parameters()) == []
