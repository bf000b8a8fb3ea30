"""Decoders and encoder: sizes that follow the images, answers that follow the pose."""

import math

import pytest
import torch

from vaerun.geometry import Pose, rotate
from vaerun.models.networks import DECODERS
from vaerun.models.networks.canonical_decoder import CanonicalConfig, CanonicalDecoder
from vaerun.models.networks.decoder import Decoder, DecoderShape
from vaerun.models.networks.encoder import Encoder
from vaerun.models.networks.mlp_decoder import MlpConfig, MlpDecoder
from vaerun.models.networks.pixel_subset import RandomPixels, RowSubset
from vaerun.models.networks.spatial_decoder import SpatialConfig, SpatialDecoder

# N = 3, d = 5, C = 2, H = 11, W = 13: all different


def decoder(
    name: str, image: tuple[int, int, int] = (2, 11, 13), drawing_px: int | str = "auto"
) -> Decoder:
    shape = DecoderShape(n_content=5, hidden=[8, 7], image=image)
    configs = {
        "canonical": CanonicalConfig(
            name="canonical", activation="silu", canvas=1.5, drawing_px=drawing_px, every_row=1
        ),
        "mlp": MlpConfig(name="mlp", activation="relu"),
        "spatial": SpatialConfig(name="spatial", activation="tanh", pixel_subset=None),
    }
    torch.manual_seed(0)
    return DECODERS[name](configs[name], shape)


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_gives_every_pixel_of_every_channel(name: str):
    assert decoder(name)(torch.randn(3, 5), Pose.identity(3)).shape == (3, 2, 11 * 13)


@pytest.mark.parametrize(
    ("name", "drawing_px"),
    [*((n, "auto") for n, d in DECODERS.items() if d.can_pose), ("canonical", 30)],
)
def test_a_quarter_turn_of_the_pose_turns_the_image(name: str, drawing_px: int | str):
    net = decoder(name, (2, 13, 13), drawing_px)
    content = torch.randn(3, 5)
    canonical = net(content, Pose.identity(3)).view(3, 2, 13, 13)
    quarter = torch.full((3,), math.pi / 2)
    turned = net(content, Pose.identity(3)._replace(angle=quarter)).view(3, 2, 13, 13)
    torch.testing.assert_close(turned, canonical.rot90(1, (2, 3)), rtol=1e-3, atol=1e-5)


def test_a_shifted_pose_shifts_the_image_by_whole_pixels():
    net = decoder("spatial", (2, 13, 13))
    content, step = torch.randn(3, 5), 2 / 12
    canonical = net(content, Pose.identity(3)).view(3, 2, 13, 13)
    shift = torch.tensor([[2 * step, -step]]).expand(3, 2)
    moved = net(content, Pose.identity(3)._replace(shift=shift)).view(3, 2, 13, 13)
    torch.testing.assert_close(moved[..., 2:, :-1], canonical[..., :-2, 1:], rtol=1e-3, atol=1e-5)


def test_the_canonical_drawing_is_larger_than_the_image():
    net = decoder("canonical")
    assert isinstance(net, CanonicalDecoder)
    assert net.drawn == (21, 21)  # 1.5 × 13, and odd as 13 is, so that pixel centres coincide
    finer = decoder("canonical", drawing_px=26)
    assert isinstance(finer, CanonicalDecoder)
    assert (finer.drawn, finer.extent) == ((42, 42), net.extent)
    assert net.extent == pytest.approx(20 / 12)
    drawing = net.net(torch.ones(1, 5)).view(2, 21, 21)
    image = net(torch.ones(1, 5), Pose.identity(1)).view(2, 11, 13)
    torch.testing.assert_close(image, drawing[:, 5:16, 4:17], rtol=1e-4, atol=1e-5)


def test_chosen_pixels_are_those_of_the_whole_image():
    net = decoder("spatial")
    assert isinstance(net, SpatialDecoder)
    content, pose = torch.randn(3, 5), Pose.identity(3)
    pixels = torch.randint(143, (3, 6))
    whole = net(content, pose)
    want = whole.gather(2, pixels[:, None].expand(-1, 2, -1))
    torch.testing.assert_close(net(content, pose, RandomPixels(pixels, 143)), want)


def test_pixels_are_drawn_as_often_as_each_other_and_none_twice():
    config = SpatialConfig(name="spatial", activation="tanh", pixel_subset=30)
    net = SpatialDecoder(config, DecoderShape(n_content=5, hidden=[8], image=(1, 11, 13)))
    torch.manual_seed(0)
    drawn = net.draw_subset(14_300, torch.device("cpu"))
    assert drawn is not None
    assert bool((drawn.index.sort(1).values.diff(dim=1) > 0).all())
    n_each = 14_300 * 30 / 143
    assert drawn.index.flatten().bincount(minlength=143).sub(n_each).abs().max() < 0.1 * n_each
    place = net.spread.argsort()[drawn.index]  # in the order of `spread`: a stretch of it
    assert bool((place.diff(dim=1) % 143 == 1).all())


def test_chosen_rows_are_those_of_the_whole_image():
    net = decoder("canonical")
    content, pose = torch.randn(3, 5), Pose(torch.randn(3), 0.1 * torch.randn(3, 2), torch.ones(3))
    rows = RowSubset(first=1, step=3, width=13)
    want = rows.select(net(content, pose)[:, None])[:, 0]
    torch.testing.assert_close(net(content, pose, rows), want)


def test_the_encoder_s_class_is_an_input_like_any_other():
    torch.manual_seed(0)
    encoder = Encoder(6, [8, 7], "tanh", 3, 4)
    assert encoder.classes is not None
    images, y = torch.randn(2, 5, 6), torch.eye(3)
    got = encoder(images, y)  # (2, 5, 3, 4)
    joint = torch.cat([encoder.pixels.weight, encoder.classes.weight], 1)
    both = torch.cat([images[1, 4], y[2]])
    want = encoder.rest(joint @ both + encoder.pixels.bias)
    torch.testing.assert_close(got[1, 4, 2], want)


def test_the_plain_decoder_does_not_know_the_pose():
    net = decoder("mlp")
    assert isinstance(net, MlpDecoder)
    content, turned = torch.randn(3, 5), Pose.identity(3)._replace(angle=torch.ones(3))
    torch.testing.assert_close(net(content, turned), net(content, Pose.identity(3)))


def test_rotate_and_place_agree_on_the_sign():
    """A picture turned by `rotate` is what a canonical decoder of it would place."""
    from vaerun.geometry import place

    image = torch.rand(1, 1, 15, 15)
    image[..., :3, :] = image[..., -3:, :] = image[..., :3] = image[..., -3:] = 0
    angle = torch.tensor([0.6])
    placed = place(image, Pose.identity(1)._replace(angle=angle), (15, 15))
    torch.testing.assert_close(placed, rotate(image, angle), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_followed", [0, 1, 3, 8])
@pytest.mark.parametrize("code", [None, (1, 3, 3), (5, 3, 3)])
def test_gradients_are_those_of_all_views_whichever_have_one(monkeypatch, code, n_followed: int):
    torch.manual_seed(0)
    encoder = Encoder(6, [8, 7], "tanh", 3 if code else 0, 4)
    views, codes = torch.rand(5, 8, 6), torch.rand(code) if code else None
    weight = torch.randn(5, n_followed, 3 if code else 1, 4)
    gradients = []
    for may_skip in (True, False):
        monkeypatch.setattr("vaerun.models.networks.encoder._may_skip", lambda _, s=may_skip: s)
        encoder.zero_grad()
        numbers = encoder(views, codes)
        (numbers[:, :n_followed] * weight).sum().backward()
        gradients.append([numbers.detach(), *(p.grad.clone() for p in encoder.parameters())])
    for skipping, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(skipping, plain)


def test_a_gradient_that_is_no_number_is_not_lost():
    encoder = Encoder(6, [8], "tanh", 0, 4)
    numbers = encoder(torch.rand(5, 8, 6))
    (numbers[0, 0].sum() * float("nan") + numbers[1].sum()).backward()
    assert encoder.pixels.weight.grad.isnan().any()


def test_a_faint_drawing_on_a_bright_ground_is_not_rounded_by_autocast():
    network = decoder("canonical", image=(1, 8, 8))
    last = network.net[-1]
    torch.nn.init.constant_(last.bias, 0.75)
    torch.nn.init.normal_(last.weight, std=0.001)
    content, pose = torch.randn(20, 5), Pose.identity(20)
    with torch.no_grad():
        exact = network(content, pose)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(content, pose)
    assert float((mixed - exact).std()) < 0.02 * float((exact - 0.75).std())
