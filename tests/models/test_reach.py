"""How far objects reach from the middle of images."""

import pytest
import torch

from vaerun.geometry import pixel_grid, pixel_size
from vaerun.models.reach import reached_px

SIZES = [(32, 32), (33, 33), (24, 40)]


def discs(centre_px: torch.Tensor, radius_px: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Soft discs (N, 1, H, W) about centres (N, 2), from the middle."""
    points = pixel_grid(*size) / pixel_size(*size)
    away = (points - centre_px[:, None, None]).norm(dim=-1)
    return torch.sigmoid(4 * (radius_px[:, None, None] - away))[:, None]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_circle_that_holds_what_varies(size: tuple[int, int]):
    radius = torch.linspace(4, 9, 100)
    assert reached_px(discs(torch.zeros(100, 2), radius, size)) in (18, 19, 20)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_whole_image_where_all_of_it_varies(size: tuple[int, int]):
    noise = torch.rand(200, 1, *size, generator=torch.Generator().manual_seed(0))
    diagonal = (size[0] ** 2 + size[1] ** 2) ** 0.5
    assert reached_px(noise) > 0.95 * diagonal


def test_a_centred_object_reaches_as_far_in_noise_and_wherever_it_was():
    generator = torch.Generator().manual_seed(0)
    centre = 16 * torch.rand(400, 2, generator=generator) - 8
    images = 0.8 * discs(centre, torch.full((400,), 6.0), (48, 48))
    images += 0.1 * torch.randn(images.shape, generator=generator)
    assert 16 <= reached_px(images, centred=True) <= 24  # 12 across, with a margin
    assert reached_px(images) > 60


def test_of_objects_of_several_sizes_it_holds_the_large_ones_unless_they_are_sized():
    generator = torch.Generator().manual_seed(0)
    centre = 8 * torch.rand(400, 2, generator=generator) - 4
    radius = 5 + 5 * torch.rand(400, generator=generator)
    images = discs(centre, radius, (48, 48))
    sized = reached_px(images, centred=True, sized=True)
    assert 15 <= sized <= 28  # usual ones are 15 across
    assert max(sized + 1, 20) <= reached_px(images, centred=True) <= 36


def test_images_that_are_all_the_same_are_seen_as_a_whole():
    assert reached_px(torch.full((10, 1, 16, 16), 0.5)) >= 22
