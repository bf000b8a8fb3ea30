"""Equivariance of the encoded pose, parameter counts of the paper's models."""

import math

import pytest
import torch

from vaerun import geometry
from vaerun.models.invariant_vae import encode
from vaerun.models.object_locator import centre_and_size

PAPER = ("model/decoder=spatial", "model/pose=amortized")

# of the checkpoints published with the review: rotation on the cards, and shift on graphene
COUNTS = [
    (("model.hidden=[256,256]",), (1, 48, 48), 790_535),
    (("model.hidden=[512,512]",), (1, 48, 48), 1_974_279),
    (("model.hidden=[512,512]", "model.invariances=[r,t]"), (1, 40, 40), 1_615_883),
]


@pytest.mark.parametrize(("overrides", "image", "count"), COUNTS)
def test_parameter_counts_are_those_of_the_published_checkpoints(make, overrides, image, count):
    network = make(*PAPER, *overrides, image=image)
    assert sum(p.numel() for p in network.parameters()) == count


def blobs(n: int = 4, size: int = 16) -> torch.Tensor:
    """Smooth images that vanish at the border."""
    noise = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    smooth = torch.nn.functional.interpolate(noise, (size, size), mode="bicubic")
    radius = geometry.pixel_grid(size, size).norm(dim=-1)
    return smooth * (1 - radius**2).clamp(min=0)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turning_the_input_turns_the_pose_and_leaves_the_content(make, quarter: int):
    network = make("model.invariances=[r,t,s]", "model.hidden=[9,7]", image=(1, 16, 16)).eval()
    x = blobs()
    before, after = encode(network, x), encode(network, x.rot90(quarter, (2, 3)))
    turn = torch.tensor(quarter * math.pi / 2)
    moved = geometry.wrap(after.pose.angle - before.pose.angle - turn)
    torch.testing.assert_close(moved, torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(after.z_mean, before.z_mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after.pose.scale, before.pose.scale, rtol=1e-4, atol=1e-5)
    shifted = geometry.apply(geometry.rotation(turn), before.pose.shift)
    torch.testing.assert_close(after.pose.shift, shifted, rtol=1e-4, atol=1e-5)


def test_turning_by_any_bin_moves_the_posterior_on_by_one_bin(make):
    """Bins that are no quarter turns are resampled twice, so only nearly."""
    network = make("model.hidden=[9,7]", "model.pose.bins=12", image=(1, 40, 40)).eval()
    x = 5 * blobs(size=40)  # far from the origin, where hypotheses differ
    before = network.infer(x)
    after = network.infer(geometry.rotate(x, network.search.bin_angle[1].expand(4)))
    for turned, plain in ((after.log_q, before.log_q), (after.latents.mean, before.latents.mean)):
        moved = (turned.roll(-1, 1) - plain).square().mean().sqrt()
        assert moved < 0.1 * plain.std(1).mean()


def test_the_posterior_over_hypotheses_sums_to_one(make):
    network = make("model=jrvae", "model.hidden=[9,7]", n_classes=3)
    log_q = network.infer(torch.rand(2, 1, 12, 12)).log_q
    assert log_q.shape == (2, 8, 3)
    torch.testing.assert_close(log_q.exp().sum((1, 2)), torch.ones(2))


@pytest.mark.parametrize(
    ("pose", "invariances"),
    [("amortized", "[r]"), ("amortized", "[t,s]"), ("orbit", "[s]"), ("orbit", "[t,r]")],
)
def test_any_invariances_go_with_any_pose(make, pose: str, invariances: str):
    network = make(f"model/pose={pose}", f"model.invariances={invariances}", "model.hidden=[8]")
    encoded = encode(network, torch.rand(2, 1, 12, 12))
    assert bool(encoded.pose.angle.any()) == ("r" in invariances)
    assert bool(encoded.pose.shift.any()) == ("t" in invariances)
    assert bool((encoded.pose.scale != 1).any()) == ("s" in invariances)


def objects(n: int, size: int, shift_px: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """Two touching discs of random sizes near the middle, shifted by whole pixels."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    radius = 4 + 2 * torch.rand(n, 1, 1, generator=torch.Generator().manual_seed(1))
    at = size / 2 + torch.tensor(shift_px)
    large = torch.hypot(rows - at[0], columns - at[1]) - radius
    small = torch.hypot(rows - at[0] - 5, columns - at[1]) - 0.5 * radius
    return torch.sigmoid(-2 * torch.minimum(large, small))[:, None]


def located(make, *overrides: str):
    network = make(*overrides, "model.hidden=[9,7]", image=(1, 48, 48)).eval()
    assert network.search.locator.fit(objects(50, 48))
    return network


def test_shifting_the_input_moves_the_shift_alone(make):
    """The encoder sees the same centred image wherever the object is."""
    network = located(make, "model.invariances=[r,t,s]")
    before, after = (encode(network, objects(6, 48, px)) for px in ((0, 0), (-5, 7)))
    pixel = geometry.pixel_size(48, 48)
    moved = (after.pose.shift - before.pose.shift) / pixel
    torch.testing.assert_close(moved, torch.tensor([-5.0, 7]).expand(6, -1), rtol=0, atol=0.15)
    torch.testing.assert_close(after.z_mean, before.z_mean, rtol=0, atol=0.02)
    torch.testing.assert_close(after.pose.scale, before.pose.scale, rtol=0.01, atol=0)


def test_the_posterior_is_that_of_the_centred_image_put_back(make):
    network = located(make, "model.invariances=[r,t]")
    x = objects(3, 48, (6, -4))
    ours = network.infer(x)
    at = network.search.locator(x)
    assert float((at.centre / geometry.pixel_size(48, 48)).abs().max()) > 3
    centred = centre_and_size(x, at)
    network.search.locator.constants = None
    theirs = network.infer(centred)
    torch.testing.assert_close(ours.log_q, theirs.log_q)
    for k, angle in enumerate(network.search.bin_angle):
        old = network.latents.values(theirs.latents.mean[:, k, 0])
        new = network.latents.values(ours.latents.mean[:, k, 0])
        back = geometry.apply(geometry.rotation(-angle), at.centre)
        torch.testing.assert_close(new.shift, old.shift + back, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model.invariances=[r]",),
        ("model.invariances=[r,t]", "data.fills_field=true"),
        ("model.invariances=[r,t]", "model.pose.locate=false"),
        ("model.invariances=[r,t]", "model/pose=amortized"),
    ],
    ids=str,
)
def test_images_are_seen_as_they_are_where_nothing_is_to_be_taken_out(make, overrides):
    network = make(*overrides, "model.hidden=[9,7]", image=(1, 24, 24))
    assert network.search.locator is None


@pytest.mark.parametrize("far", [1e2, -1e2, 1e4, -1e4])
@pytest.mark.parametrize("dimension", [3, 4, 5])
def test_latents_far_out_have_a_finite_gradient(make, dimension: int, far: float):
    """As those of a hypothesis of no weight may be, of which one is decoded now and then."""
    network = make("model.invariances=[r,t,s]", "model.hidden=[9,7]", image=(1, 16, 16))
    latents = torch.zeros(8, network.latents.dim)
    latents[:, 1:] = 40.0
    latents[:, dimension] = far
    latents.requires_grad_()
    content, pose = network.pose(latents, torch.arange(8))
    network.decode(content, pose).square().sum().backward()
    assert latents.grad is not None
    assert bool(latents.grad.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in network.decoder.parameters())
