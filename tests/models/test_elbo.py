"""The bound over hypotheses against sums written out one hypothesis at a time."""

import math

import pytest
import torch

from vaerun.geometry import Pose, rotation
from vaerun.models.elbo import (
    _decoded_share,
    _expectation,
    _log_likelihood,
    choose_hypotheses,
    negative_elbo,
)
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.utils import random

# B = 3 images, K = 5 bins, J = 4 classes
ORBIT = (
    "model.invariances=[r,t,s]",
    "model.pose.bins=5",
    "model.pose.decode=null",
    "model.hidden=[9,7]",
)


def images(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 1, 12, 12, generator=torch.Generator().manual_seed(1))


def by_enumeration(
    network: InvariantVAE, x: torch.Tensor, n_classes: int, measured: torch.Tensor | None = None
) -> torch.Tensor:
    """−ELBO of one image at posterior means of ζ, every (k, y) in turn, straight from formulas."""
    known = torch.ones_like(x, dtype=torch.bool) if measured is None else measured
    log_q, latents, *_ = network.infer(x)
    total = torch.zeros(())
    for k, bin_angle in enumerate(network.search.bin_angle):
        for y in range(n_classes):
            q = log_q[0, k, y].exp()
            mean, sd = latents.mean[0, k, y], latents.sd[0, k, y]
            kl = (0.5 * (mean**2 + sd**2 - 1) - sd.log()).sum()
            units = torch.tensor(network.latents.units())
            angle, row, column, log_scale, *_ = mean * units
            shift = rotation(bin_angle) @ torch.stack([row, column])
            pose = Pose((bin_angle + angle)[None], shift[None], log_scale.exp()[None])
            content = mean[None, 4:]
            inputs = torch.cat([content, torch.eye(n_classes)[None, y]], 1)
            output = network.decoder(inputs if n_classes > 1 else content, pose)
            coin = torch.distributions.Bernoulli(logits=output, validate_args=False)
            log_lik = coin.log_prob(x.flatten(2))[known.flatten(2)].sum()
            log_prior = -math.log(len(network.search.bin_angle) * n_classes)
            total = total + q * (kl - log_lik + log_q[0, k, y] - log_prior)
    return total


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize(("model", "n_classes"), [("rvae", 1), ("jrvae", 4)])
def test_the_bound_is_the_sum_over_all_hypotheses(
    make, monkeypatch, model: str, n_classes: int, has_gaps: bool
):
    network = make(f"model={model}", *ORBIT)
    monkeypatch.setattr("vaerun.models.latents.DiagonalNormal.sample", lambda q: q.mean)
    x = images()
    measured = images(6)[3:] > 0.3
    got = negative_elbo(network, x, measured=measured if has_gaps else None).loss
    masks = [one[None] if has_gaps else None for one in measured]
    want = [
        by_enumeration(network, one[None], n_classes, mask)
        for one, mask in zip(x, masks, strict=True)
    ]
    torch.testing.assert_close(got, torch.stack(want), rtol=1e-4, atol=1e-3)


def test_the_hypotheses_kl_splits_into_class_and_bin(make):
    network = make("model=jrvae", *ORBIT)
    x = images()
    terms = negative_elbo(network, x)
    q = network.infer(x).log_q.exp()  # (B, K, J)
    q_class = q.sum(1)
    want_class = (q_class * (q_class * 4).log()).sum(1)
    want_bin = (q * (q / q_class[:, None] * 5).log()).sum((1, 2))
    torch.testing.assert_close(terms.kl_class, want_class, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(terms.kl_bin, want_bin, rtol=1e-4, atol=1e-5)


def test_fewer_hypotheses_still_make_a_bound(make):
    """With m of them q is renormalised: its KL is ln K less the entropy of the m likeliest."""
    network = make(*ORBIT)
    x = images(1)
    log_q = network.infer(x).log_q.detach().flatten()
    for m in (1, 2, 5):
        top = log_q.sort(descending=True).values[:m].softmax(0)
        want = math.log(5) + (top * top.log()).sum()
        got = negative_elbo(network, x, n_decode=m).kl_bin.detach()
        torch.testing.assert_close(got, want[None], rtol=0, atol=1e-4)


def test_the_bound_is_never_above_the_likelihood(make):
    """Each bound lies below the evidence, estimated with many draws from the prior."""
    network = make("model.invariances=[r]", "model.pose.bins=5", "model.hidden=[9,7]").eval()
    x = images(1)
    with torch.no_grad():
        torch.manual_seed(0)
        for m in (None, 1, 2):
            draws = torch.stack([negative_elbo(network, x, n_decode=m).loss for _ in range(300)])
            assert -draws.mean() < log_evidence(network, x) + 5 * draws.std() / 300**0.5


def log_evidence(network: InvariantVAE, x: torch.Tensor) -> torch.Tensor:
    """ln p(x) by drawing 20,000 latents from the prior."""
    n = 20_000
    bins = torch.randint(5, (n,))
    content, pose = network.pose(torch.randn(n, network.latents.dim), bins)
    output = network.decode(content, pose)
    log_lik = network.likelihood.log_prob(x.flatten(2)[:, None], output[None])[0]
    return log_lik.logsumexp(0) - math.log(n)


def test_hypotheses_are_drawn_from_q_and_one_more_evenly():
    q = torch.tensor([0.1, 0.5, 0.05, 0.2, 0.15])
    torch.manual_seed(0)
    chosen = choose_hypotheses(q.log().expand(20_000, -1), 2, explore=True)
    assert (chosen[:, 0] != chosen[:, 1]).all()
    first = torch.bincount(chosen[:, 0], minlength=5) / 20_000
    torch.testing.assert_close(first, q, rtol=0, atol=5 * 0.5 / 20_000**0.5)
    after_one = chosen[chosen[:, 0] == 1, 1]
    second = torch.bincount(after_one, minlength=5) / len(after_one)
    evenly = torch.tensor([1, 0, 1, 1, 1]) / 4
    torch.testing.assert_close(second, evenly, rtol=0, atol=5 * 0.5 / len(after_one) ** 0.5)


def test_the_likeliest_are_taken_when_nothing_is_to_be_explored():
    log_q = torch.tensor([[0.1, 0.5, 0.05, 0.2, 0.15]]).log()
    assert choose_hypotheses(log_q, 3, explore=False).tolist() == [[1, 3, 4]]
    assert choose_hypotheses(log_q, None, explore=True).tolist() == [[0, 1, 2, 3, 4]]


def test_every_third_row_leaves_the_bound_unbiased(make):
    """The mean over the rows to begin with is exactly the bound."""
    network = make("model.hidden=[8]", "model.decoder.every_row=3")
    x = images(2)
    whole = negative_elbo(network.eval(), x, deterministic=True).reconstruction
    network.train()
    begun: dict[int, torch.Tensor] = {}
    for number in range(20):
        random.seed(0, 0, number)
        first = random.choice(3)
        begun[first] = negative_elbo(network, x, deterministic=True).reconstruction
    assert sorted(begun) == [0, 1, 2]
    torch.testing.assert_close(sum(begun.values()) / 3, whole)


def test_a_pixel_subset_leaves_the_bound_unbiased(make):
    network = make(
        "model/decoder=spatial",
        "model/pose=amortized",
        "model.hidden=[8]",
        "model.decoder.pixel_subset=20",
    ).train()
    x = images(1)
    torch.manual_seed(0)
    whole = negative_elbo(network.eval(), x, deterministic=True).reconstruction
    many = x.expand(20_000, -1, -1, -1)
    parts = negative_elbo(network.train(), many, deterministic=True).reconstruction
    error = 5 * float(parts.detach().std()) / len(many) ** 0.5
    assert float(parts.detach().mean()) == pytest.approx(float(whole.detach()), abs=error)


def test_an_autoencoder_has_neither_noise_nor_kl(make):
    network = make("model=ae", "model.hidden=[8]")
    one, two = (negative_elbo(network, images(), deterministic=True) for _ in range(2))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not one.kl_content.any()
    assert not one.kl_pose.any()


def test_every_parameter_gets_a_finite_gradient(make):
    network = make("model=jrvae", *ORBIT, "model.likelihood=gaussian")
    negative_elbo(network, images()).loss.mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_a_certain_posterior_keeps_the_gradient_finite(make):
    """q(h|x) of exactly 0 and 1 must not turn 0·log 0 into NaN."""
    network = make("model=jrvae", *ORBIT)
    with torch.no_grad():
        network.encoder.rest[-1][-1].weight[0] *= 1e4
    negative_elbo(network, images()).loss.mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_what_is_decoded_seldom_is_right_on_average():
    generator = torch.Generator().manual_seed(0)
    log_lik = torch.tensor([[-60.0, -80.0, -400.0]])
    q = torch.tensor([[0.9895, 0.01, 0.0005]], requires_grad=True)
    share = _decoded_share(q.detach())
    torch.testing.assert_close(share, torch.tensor([[1.0, 1.0, 0.1]]))
    n = 100_000
    kept = torch.rand(n, 3, generator=generator) < share
    estimate = _expectation(log_lik.expand(n, 3) * kept, q.expand(n, 3), kept / share).mean()
    (gradient,) = torch.autograd.grad(estimate, q)
    wanted = float((q.detach() * log_lik).sum())
    assert estimate.item() == pytest.approx(wanted, abs=0.02)  # the last weighs 0.17, ten times it
    # of probabilities that add up to 1
    torch.testing.assert_close(gradient - gradient[:, :1], log_lik + 60, rtol=0.03, atol=0)


def test_a_hypothesis_that_is_not_decoded_changes_no_other(make):
    network = make("model=rvae").train()
    bins = torch.arange(18).view(6, 3) % 8
    drawn = torch.randn(6, 3, network.latents.dim, generator=torch.Generator().manual_seed(1))
    kept = torch.arange(18).view(6, 3) % 5 < 3
    every, some = (
        _log_likelihood(network, images(6), drawn, bins, None, None, which)
        for which in (torch.ones_like(kept), kept)
    )
    torch.testing.assert_close(some, torch.where(kept, every, 0.0))


def test_a_sure_encoder_decodes_little_more_than_one_hypothesis_of_each_image():
    q = torch.tensor([0.998, 0.001, 0.001]).expand(100, 3)
    assert float(_decoded_share(q).sum(1).mean()) == pytest.approx(1.2)
    assert bool((_decoded_share(torch.full((4, 3), 1 / 3)) == 1).all())
