"""KL terms against quadrature, closed forms and Monte Carlo."""

import math

import pytest
import torch
from scipy import integrate, special

from vaerun.models.latents import (
    AnglePrior,
    DiagonalNormal,
    LatentSpace,
    kl_standard_normal,
    wrapped_normal_entropy,
)


def gaussian(mean: float, sd: float) -> DiagonalNormal:
    return DiagonalNormal(torch.tensor([mean]), torch.tensor([sd]))


def wrapped_density(x: float, mean: float, sd: float) -> float:
    turns = range(-12, 13)
    weights = (math.exp(-0.5 * ((x - mean + 2 * math.pi * n) / sd) ** 2) for n in turns)
    return sum(weights) / (sd * math.sqrt(2 * math.pi))


def kl_on_the_circle(mean: float, sd: float, kappa: float) -> float:
    """∫ f log(f/g) of a wrapped normal f against von Mises g, by quadrature."""
    log_norm = math.log(2 * math.pi * special.i0(kappa))

    def integrand(x: float) -> float:
        f = wrapped_density(x, mean, sd)
        return 0.0 if f == 0 else f * (math.log(f) - kappa * math.cos(x) + log_norm)

    near = [mean - 6 * sd, mean, mean + 6 * sd] if sd < 0.5 else None
    return integrate.quad(integrand, mean - math.pi, mean + math.pi, points=near, limit=200)[0]


def test_kl_of_content_is_its_monte_carlo_mean():
    generator = torch.Generator().manual_seed(0)
    q = gaussian(0.7, 0.4)
    sample = q.mean + q.sd * torch.randn(100_000, generator=generator)
    log_ratio = torch.distributions.Normal(*q).log_prob(sample) - torch.distributions.Normal(
        0, 1
    ).log_prob(sample)
    error = 5 * float(log_ratio.std()) / 100_000**0.5
    assert float(kl_standard_normal(q)) == pytest.approx(float(log_ratio.mean()), abs=error)


@pytest.mark.parametrize("sd", [0.01, 0.3, 0.69, 0.71, 1.3, 4.0])
@pytest.mark.parametrize("kappa", [0.0, 2.5])
def test_angle_kl_is_the_integral_over_the_circle(sd: float, kappa: float):
    prior = AnglePrior(kind="von_mises" if kappa else "uniform", sd=1.0, kappa=kappa)
    got = float(prior.kl(gaussian(0.4, sd)))
    assert got == pytest.approx(kl_on_the_circle(0.4, sd, kappa), abs=2e-4)


@pytest.mark.parametrize("sd", [0.03, 0.1, 0.4])
def test_a_prior_of_width_is_a_normal_one_about_the_posterior_s_own_mean(sd: float):
    """AtomAI: the KL of N(μ, sd²) from N(μ, prior sd²), whatever μ."""
    prior_sd, mean = 0.1, 2.0
    q, p = (torch.distributions.Normal(mean, width) for width in (sd, prior_sd))
    got = AnglePrior(kind="width", sd=prior_sd).kl(gaussian(mean / prior_sd, sd / prior_sd))
    assert float(got) == pytest.approx(float(torch.distributions.kl_divergence(q, p)), rel=1e-4)
    assert float(AnglePrior(kind="normal", sd=prior_sd).kl(gaussian(20.0, 1.0))) > 100


def test_uniform_angle_kl_vanishes_when_nothing_is_known():
    prior = AnglePrior(kind="uniform", sd=1.0)
    assert float(prior.kl(gaussian(2.0, 10.0))) == pytest.approx(0.0, abs=1e-6)


def test_a_very_narrow_von_mises_prior_is_a_normal_one():
    prior = AnglePrior(kind="von_mises", sd=1.0, kappa=500.0)
    normal = torch.distributions.Normal(0.0, 500**-0.5)
    want = torch.distributions.kl_divergence(torch.distributions.Normal(0.02, 0.05), normal)
    assert float(prior.kl(gaussian(0.02, 0.05))) == pytest.approx(float(want), rel=0.01)


def test_an_angle_in_other_units_has_the_same_kl():
    in_radians = AnglePrior(kind="von_mises", sd=1.0, kappa=1.5).kl(gaussian(0.6, 0.2))
    in_tenths = AnglePrior(kind="von_mises", sd=0.1, kappa=1.5).kl(gaussian(6.0, 2.0))
    torch.testing.assert_close(in_radians, in_tenths)


def test_wrapped_entropy_has_a_finite_gradient_everywhere():
    sd = torch.tensor([1e-3, 0.5, 0.7, 1.0, 30.0], requires_grad=True)
    wrapped_normal_entropy(sd).sum().backward()
    assert sd.grad is not None
    assert torch.isfinite(sd.grad).all()
    assert float(sd.grad[0]) == pytest.approx(1e3)  # d ln(sd)


def test_kl_splits_into_content_and_pose():
    latents = LatentSpace(
        content_dim=3, angle=AnglePrior(kind="normal", sd=0.2), shift_sd=0.1, scale_sd=0.3
    )
    q = DiagonalNormal(torch.randn(5, latents.dim), torch.rand(5, latents.dim) + 0.1)
    both = sum(latents.kl(q))
    torch.testing.assert_close(both, kl_standard_normal(q).sum(-1))
    assert latents.n_pose == 4


def test_values_have_their_units_and_places():
    latents = LatentSpace(content_dim=2, angle=AnglePrior(kind="normal", sd=0.5), shift_sd=0.1)
    values = latents.values(torch.tensor([[2.0, 3.0, 4.0, 5.0, 6.0]]))
    torch.testing.assert_close(values.angle, torch.tensor([1.0]))
    torch.testing.assert_close(values.shift, torch.tensor([[0.3, 0.4]]))
    torch.testing.assert_close(values.content, torch.tensor([[5.0, 6.0]]))
    assert float(values.log_scale) == 0.0


def test_posterior_sd_is_positive_for_any_output():
    latents = LatentSpace(content_dim=2)
    q = latents.posterior(torch.tensor([[0.0, 0.0, -200.0, 200.0]]))
    assert (q.sd > 0).all()
    assert torch.isfinite(latents.kl(q)[0]).all()


def test_a_posterior_moves_with_the_place_and_size_of_the_object():
    """Drawn latents of the centred image, put back, have the moved posterior's moments."""
    space = LatentSpace(
        content_dim=2, angle=AnglePrior(kind="normal", sd=0.2), shift_sd=0.1, scale_sd=0.3
    )
    torch.manual_seed(0)
    q = DiagonalNormal(torch.randn(3, space.dim), torch.rand(3, space.dim) + 0.1)
    centre = torch.tensor([[0.2, -0.1], [0.0, 0.0], [-0.4, 0.3]])
    size = torch.tensor([1.5, 1.0, 0.7])
    moved = space.moved(q, centre, size)
    for before, after in ((q.mean, moved.mean), (q.mean + q.sd, moved.mean + moved.sd)):
        old, new = space.values(before), space.values(after)
        torch.testing.assert_close(new.shift, centre + size[:, None] * old.shift)
        torch.testing.assert_close(new.angle, old.angle)
        torch.testing.assert_close(new.content, old.content)
    old, new = space.values(q.mean), space.values(moved.mean)
    torch.testing.assert_close(new.log_scale, old.log_scale + size.log())
    torch.testing.assert_close(q.sd[:, 3:], moved.sd[:, 3:])  # scale and content


def test_latents_that_a_model_lacks_do_not_move():
    space = LatentSpace(content_dim=2, angle=AnglePrior(kind="normal", sd=0.2))
    q = DiagonalNormal(torch.randn(3, 3), torch.rand(3, 3))
    moved = space.moved(q, torch.ones(3, 2), torch.full((3,), 2.0))
    torch.testing.assert_close(moved.mean, q.mean)
    torch.testing.assert_close(moved.sd, q.sd)
