"""Densities against torch's own distributions."""

import math

import pytest
import torch
from torch.distributions import Normal

from vaerun.likelihoods import build


def test_bernoulli_is_the_coin_s_log_probability():
    output = torch.linspace(-30, 30, 11)
    coin = torch.distributions.Bernoulli(logits=output)
    likelihood = build("bernoulli", None)
    for x in (0.0, 1.0):
        got = likelihood.log_prob(torch.tensor(x), output)
        torch.testing.assert_close(got, coin.log_prob(torch.full((11,), x)))
    torch.testing.assert_close(likelihood.mean(output), coin.mean)


@pytest.mark.parametrize("sd", [0.2, None])
def test_gaussian_is_a_normalised_density(sd: float | None):
    x, output = torch.rand(5), torch.rand(5)
    want = Normal(output, 0.3 if sd is None else sd).log_prob(x)
    torch.testing.assert_close(build("gaussian", sd).log_prob(x, output), want)


def test_a_learned_width_goes_to_that_of_the_noise():
    likelihood = build("gaussian", None)
    noise = 0.05 * torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        loss = -likelihood.log_prob(noise, torch.zeros(())).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert math.exp(likelihood.log_sd.item()) == pytest.approx(float(noise.std()), rel=0.02)


def test_a_given_width_is_not_learned():
    assert list(build("gaussian", 0.5).parameters()) == []
