"""Curves: an orbit over shifts, one dimension of shift, and a drawing that is moved."""

import math

import pytest
import torch

from vaerun.geometry import Pose, pixel_size
from vaerun.models.elbo import negative_elbo
from vaerun.models.invariant_vae import encode

# B = 3 curves of L = 41 points, K = 5 bins
CURVES = (
    "data=peaks",
    "model.likelihood=gaussian",
    "model.likelihood_sd=0.3",
    "model.invariances=[t,s]",
    "model.pose.bins=5",
    "model.pose.decode=null",
    "model.hidden=[9,7]",
)
IMAGE = (1, 1, 41)


def curves(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 1, 1, 41, generator=torch.Generator().manual_seed(1))


def test_bins_of_a_curve_are_shifts_and_have_no_angle(make):
    search = make(*CURVES, image=IMAGE).search
    assert search.points.tolist() == [-8, -4, 0, 4, 8]
    assert not search.bin_angle.any()
    assert not search.bin_shift[:, 0].any()
    torch.testing.assert_close(search.bin_shift[:, 1], search.points * pixel_size(1, 41))
    assert search.shift_sd == 0.1  # half a bin of ± 0.5 in five


def test_a_shift_has_one_dimension_and_its_row_is_zero(make):
    network = make(*CURVES, image=IMAGE)
    assert network.latents.n_pose == 2
    values = network.latents.values(torch.tensor([[2.0, -1.0, 0.5, 0.25]]))
    torch.testing.assert_close(values.shift, torch.tensor([[0.0, 0.2]]))
    torch.testing.assert_close(values.log_scale, torch.tensor([-0.1]))
    torch.testing.assert_close(values.content, torch.tensor([[0.5, 0.25]]))


def test_moving_a_curve_by_a_bin_moves_its_posterior_by_a_bin(make):
    network = make(*CURVES, image=IMAGE)
    curve = torch.zeros(1, 1, 1, 41)
    curve[..., 18:23] = torch.rand(5)  # flat at both ends, as far as copies reach
    log_q, latents, *_ = network.infer(curve)
    moved, same, *_ = network.infer(curve.roll(4, 3))
    score = log_q[0, :, 0] - log_q[0, 0, 0]
    torch.testing.assert_close((moved[0, 1:, 0] - moved[0, 1, 0]), score[:-1])
    torch.testing.assert_close(same.mean[:, 1:], latents.mean[:, :-1])


def test_the_encoded_shift_is_that_of_the_bin_and_what_is_left(make):
    network = make(*CURVES, image=IMAGE)
    encoded = encode(network, curves())
    log_q, latents, *_ = network.infer(curves())
    best = log_q[:, :, 0].argmax(1)
    left = latents.mean[torch.arange(3), best, 0, 0] * 0.1
    want = network.search.points[best] * pixel_size(1, 41) + left
    torch.testing.assert_close(encoded.pose.shift[:, 1], want)
    assert not encoded.pose.shift[:, 0].any()
    assert not encoded.pose.angle.any()


def test_the_bound_of_curves_is_that_of_every_bin_in_turn(make):
    network = make(*CURVES, image=IMAGE).eval()
    x = curves(1)
    terms = negative_elbo(network, x, deterministic=False)
    assert terms.kl_pose.item() > 0
    log_q, latents, *_ = network.infer(x)
    total = 0.0
    for k, column in enumerate(network.search.bin_shift[:, 1]):
        mean, sd = latents.mean[0, k, 0], latents.sd[0, k, 0]
        kl = (0.5 * (mean**2 + sd**2 - 1) - sd.log()).sum()
        shift = torch.stack([torch.zeros(()), column + 0.1 * mean[0]])
        pose = Pose(torch.zeros(1), shift[None], (0.1 * mean[1]).exp()[None])
        drawn = network.decoder(mean[None, 2:], pose)
        log_lik = torch.distributions.Normal(drawn[0, 0], 0.3).log_prob(x[0, 0, 0]).sum()
        q = log_q[0, k, 0].exp()
        total = total + q * (kl - log_lik + log_q[0, k, 0] + math.log(5))
    posterior = network.infer(x)
    still = posterior._replace(
        latents=posterior.latents._replace(sd=torch.full_like(posterior.latents.sd, 1e-6))
    )
    at_means = negative_elbo(network, x, still)
    narrow = at_means.loss - at_means.kl_content - at_means.kl_pose
    exact = negative_elbo(network, x)
    want = total.item() - float((exact.kl_content + exact.kl_pose).detach())
    assert float(narrow.detach()) == pytest.approx(want, rel=1e-4)


def test_a_drawing_of_a_curve_is_moved_without_being_drawn_again(make):
    network = make(*CURVES, image=IMAGE)
    content, step = torch.randn(2, 2), pixel_size(1, 41)
    still = network.decode(content, Pose.identity(2))
    shift = torch.tensor([[0.0, 3 * step]] * 2)
    moved = network.decode(content, Pose(torch.zeros(2), shift, torch.ones(2)))
    torch.testing.assert_close(moved[..., 3:], still[..., :-3])
    torch.testing.assert_close(moved[..., :3], still[..., :1].expand(-1, -1, 3))  # goes on


@pytest.mark.parametrize("decoder", ["canonical", "spatial"])
def test_both_decoders_move_curves_alike(make, decoder):
    network = make(*CURVES, f"model/decoder={decoder}", "model.hidden=[8,8]", image=(2, 1, 41))
    content, step = torch.randn(2, 2), pixel_size(1, 41)
    shift = torch.tensor([[0.0, -5 * step]] * 2)
    moved = network.decode(content, Pose(torch.zeros(2), shift, torch.ones(2)))
    still = network.decode(content, Pose.identity(2))
    assert moved.shape == (2, 2, 41)
    torch.testing.assert_close(moved[..., :-5], still[..., 5:], rtol=1e-4, atol=1e-5)
