"""Pixels that were not measured: the bound is on the others alone, and learns nothing of them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, MultivariateNormal, Normal

from vaerun.models.brightness import Brightness
from vaerun.models.elbo import negative_elbo
from vaerun.models.likelihoods import build
from vaerun.utils import random

# B images, m hypotheses of each, C channels, P pixels.

B, M, C, P = 3, 2, 2, 11
SD = 0.3


@pytest.fixture
def x() -> Tensor:
    return torch.rand(B, 1, C, P)


@pytest.fixture
def measured() -> Tensor:
    mask = torch.rand(B, 1, C, P) > 0.4
    mask[0] = True
    return mask


@pytest.mark.parametrize("name", ["bernoulli", "gaussian"])
def test_only_measured_pixels_are_in_the_likelihood(name: str, x: Tensor, measured: Tensor):
    output = torch.randn(B, M, C, P)
    each = (
        Bernoulli(logits=output, validate_args=False).log_prob(x)
        if name == "bernoulli"
        else Normal(output, SD).log_prob(x)
    )
    want = torch.stack([each[b][:, measured[b, 0]].sum(1) for b in range(B)])
    got = build(name, SD).log_prob(x, output, measured)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("planes", [False, True])
def test_gain_and_offset_are_those_of_the_measured_pixels(planes: bool):
    """The marginal is that of the measured pixels, of the covariance of these alone."""
    size = (3, 4)
    x, measured = torch.rand(B, 1, C, 12), torch.rand(B, 1, C, 12) > 0.4
    drawing, variance = torch.rand(B, M, C, 12), torch.tensor(SD**2)
    brightness = Brightness(size)
    if planes:
        brightness.constants = replace(
            brightness.constants, gain_slope_sd=0.2, offset_slope_sd=0.1
        )
    got = brightness.log_prob(x, drawing, variance, measured=measured)
    functions = brightness.functions[0, 0, : 3 if planes else 1].double()  # (n, P)
    prior = torch.diag(brightness.prior_sd.double() ** 2)
    for b in range(B):
        known = measured[b, 0].flatten()
        for h in range(M):
            m = drawing[b, h].double()  # (C, P)
            columns = [m * f for f in functions] + [f.expand_as(m) for f in functions]
            u = torch.stack([one.flatten() for one in columns], 1)[known]
            covariance = SD**2 * torch.eye(len(u)).double() + u @ prior @ u.T
            want = MultivariateNormal(m.flatten()[known], covariance)
            want = want.log_prob(x[b, 0].flatten()[known].double())
            torch.testing.assert_close(got[b, h].double(), want, rtol=1e-4, atol=1e-3)
    other = torch.where(measured, x, torch.rand_like(x))
    found, _ = brightness.solve(x, drawing, variance, measured=measured)
    again, _ = brightness.solve(other, drawing, variance, measured=measured)
    torch.testing.assert_close(found, again, rtol=0, atol=0)


GAUSSIAN = "model.likelihood=gaussian"


@pytest.mark.parametrize(
    "words",
    [(), (GAUSSIAN,), (GAUSSIAN, "model.invariances=[r,i]"), ("model.decoder.every_row=3",)],
)
def test_what_an_unmeasured_pixel_holds_makes_no_difference_to_the_bound(
    make, words: tuple[str, ...]
):
    network = make("model.hidden=[9,7]", *words)
    x = torch.rand(B, *network.shape.image)
    measured = torch.rand_like(x) > 0.3
    posterior = network.infer(x)

    def loss(images: Tensor, mask: Tensor | None) -> Tensor:
        random.seed(0, 0, 0)
        return negative_elbo(network, images, posterior, measured=mask, deterministic=True).loss

    other = torch.where(measured, x, torch.rand_like(x))
    torch.testing.assert_close(loss(x, measured), loss(other, measured), rtol=0, atol=0)
    assert not torch.equal(loss(x, measured), loss(x, None))
    whole = torch.ones_like(measured)
    torch.testing.assert_close(loss(x, whole), loss(x, None))


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "brightness"])
def test_no_gradient_comes_from_an_unmeasured_pixel(name: str, x: Tensor, measured: Tensor):
    output = torch.randn(B, M, C, P, requires_grad=True)
    if name == "brightness":
        log_prob = Brightness((1, P)).log_prob(x, output, torch.tensor(SD**2), measured=measured)
    else:
        log_prob = build(name, SD).log_prob(x, output, measured)
    (gradient,) = torch.autograd.grad(log_prob.sum(), output)
    mask = measured.expand_as(gradient)
    assert bool((gradient[~mask] == 0).all())
    assert bool((gradient[mask] != 0).all())


def test_the_learned_sd_is_that_of_the_measured_pixels():
    likelihood = build("gaussian", None)
    residual = 0.2 * torch.randn(4, 1, 1, 2000)
    measured = torch.rand_like(residual) > 0.5
    residual = torch.where(measured, residual, 5.0)
    adam = torch.optim.Adam(likelihood.parameters(), lr=0.01)
    for _ in range(300):
        loss = -likelihood.log_prob(residual, torch.zeros_like(residual), measured).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert float(likelihood.variance.detach().sqrt()) == pytest.approx(0.2, rel=0.05)
