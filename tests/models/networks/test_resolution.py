"""Large images are seen at fewer pixels and drawn with fewer, and stay what they are."""

import pytest
import torch
import torch.nn.functional as F

from vaerun.geometry import Pose, pixel_grid
from vaerun.models.invariant_vae import InvariantVAE, count_parameters
from vaerun.models.networks.resolution import (
    _noise_sd,
    averaged,
    limited,
    needed_px,
    seen_shape,
)

SMALL = ("model.hidden=[6,5]", "model.likelihood=gaussian")


@pytest.mark.parametrize(
    ("size", "most", "wanted"),
    [
        ((256, 256), 256, (256, 256)),
        ((512, 1024), 256, (128, 256)),
        ((2000, 3), 256, (256, 1)),
        ((300, 257), 256, (256, 219)),
    ],
)
def test_the_longer_side_is_limited_and_the_shape_kept(size, most: int, wanted):
    assert limited(size, most) == wanted
    assert averaged(torch.rand(2, 1, *size), most).shape == (2, 1, *wanted)


def test_means_are_kept_and_small_images_are_not_touched():
    images = torch.rand(2, 1, 512, 512)
    torch.testing.assert_close(averaged(images, 256).mean((2, 3)), images.mean((2, 3)))
    assert averaged(images, 512) is images


@pytest.mark.parametrize("model", ["rvae", "vae", "jrvae"])
def test_networks_of_large_images_do_not_grow_with_them(make, model: str):
    sizes = []
    for side in (512, 1024):
        network = make(f"model={model}", *SMALL, image=(1, side, side))
        sizes.append(count_parameters(network))
        assert network.encoder.pixels.in_features == 256**2
    assert sizes[0] == sizes[1]
    assert seen_shape((3, 1024, 512), 256) == (3, 256, 128)


@pytest.mark.parametrize("model", ["rvae", "vae"])
def test_a_coarse_drawing_is_stretched_to_the_image(make, model: str):
    network: InvariantVAE = make(f"model={model}", *SMALL, image=(1, 1024, 1024)).eval()
    with torch.no_grad():
        last = network.decoder.net[-1]
        last.weight.zero_()
        side = round(last.out_features**0.5)
        last.bias.copy_(pixel_grid(side, side)[..., 1].flatten())  # a ramp along the columns
        drawn = network.generate(torch.zeros(1, 2), Pose.identity(1))
    assert drawn.shape == (1, 1, 1024, 1024)
    wanted = torch.linspace(-1, 1, 1024).expand_as(drawn)
    torch.testing.assert_close(drawn, wanted, rtol=0, atol=4 / side)


def textures(side: int, finest_px: int, noise_sd: float) -> torch.Tensor:
    """Images of structure that varies over so many pixels and more, and white noise."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(20, 1, side // finest_px, side // finest_px, generator=generator)
    smooth = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    return smooth + noise_sd * torch.randn(smooth.shape, generator=generator)


@pytest.mark.parametrize("noise_sd", [0.0, 0.3])
def test_the_pixels_that_images_need_follow_from_their_structure_not_from_their_noise(noise_sd):
    assert needed_px(textures(256, 32, noise_sd)) == (64, 64)
    seen, drawn = needed_px(textures(256, 8, noise_sd))
    assert 64 < seen <= drawn <= 256
    assert needed_px(textures(256, 2, noise_sd)) == (256, 256)


def test_small_images_are_seen_and_drawn_as_they_are():
    assert needed_px(textures(48, 24, 0.1)) == (48, 48)


def test_a_drawing_has_as_many_pixels_for_the_side_of_the_image_as_the_limit(make):
    sizes = ("model.pose.copies_px=40", "model.decoder.drawing_px=50", "model.decoder.canvas=1.5")
    network: InvariantVAE = make("model=rvae", *SMALL, *sizes, image=(1, 100, 100))
    assert network.encoder.pixels.in_features == 40**2
    assert network.decoder.net[-1].out_features == 75**2
    assert network.decoder.extent == pytest.approx(149 / 99)  # as of all pixels


@pytest.mark.parametrize("shape", [(40, 1, 1, 4000), (4, 1, 200, 200)])
def test_the_noise_of_curves_and_images_is_found_beside_their_structure(shape):
    generator = torch.Generator().manual_seed(0)
    columns = torch.linspace(0, 6, shape[3]).sin().expand(shape)
    noisy = columns + 0.1 * torch.randn(shape, generator=generator)
    assert _noise_sd(noisy) == pytest.approx(0.1, rel=0.03)


def test_few_of_very_large_images_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(
        "vaerun.models.networks.resolution._noise_sd", lambda some: seen.append(len(some)) or 0.1
    )
    needed_px(torch.rand(1, 1, 1, 1).expand(300, 1, 2048, 2048))
    needed_px(torch.rand(1, 1, 1, 1).expand(300, 1, 80, 80))
    assert seen == [4, 200]
