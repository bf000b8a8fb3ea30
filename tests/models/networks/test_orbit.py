"""The orbit: copies are turned images, bins add up to a flat prior."""

import math

import pytest
import torch

from vaerun.geometry import pixel_grid, rotate
from vaerun.models.networks.orbit import Orbit, bin_angles, offset_sd


def test_copies_are_the_images_turned_back():
    images = torch.rand(3, 2, 17, 17)
    angles = bin_angles(5, 100.0)
    copies = Orbit(angles, (17, 17))(images)
    want = torch.stack([rotate(images, -a.expand(3)) for a in angles], 1).flatten(2)
    torch.testing.assert_close(copies, want, rtol=1e-4, atol=2e-5)


def test_copies_of_a_wide_image_stand_on_a_square():
    images = torch.zeros(1, 1, 5, 11)
    images[0, 0, 2, 10] = 1  # right end
    copies = Orbit(bin_angles(4, 180.0), (5, 11))(images).view(4, 11, 11)
    places = [divmod(int(copy.argmax()), 11) for copy in copies]
    assert places == [(5, 10), (10, 5), (5, 0), (0, 5)]  # turned back: clockwise


def test_quarter_turns_are_exact():
    images = torch.rand(2, 1, 8, 8)
    copies = Orbit(bin_angles(4, 180.0), (8, 8))(images).view(2, 4, 8, 8)
    torch.testing.assert_close(copies[:, 1], images[:, 0].rot90(-1, (1, 2)), rtol=0, atol=0)


@pytest.mark.parametrize("size", [(9, 9), (8, 8), (5, 11), (12, 7)])
@pytest.mark.parametrize("diameter", [1, 3, 5, 6.5])
def test_a_circle_has_the_pixels_of_whole_copies_within_it(size: tuple[int, int], diameter: float):
    images, side = torch.rand(3, 2, *size), max(size)
    away = pixel_grid(side, side).norm(dim=-1) * (side - 1) / 2
    circle = away <= (diameter - 1) / 2 + 1e-3
    whole = Orbit(bin_angles(8, 180.0), size)(images).view(3, 8, 2, side, side)
    some = Orbit(bin_angles(8, 180.0), size, diameter)
    assert some.n_pixels == int(circle.sum())
    torch.testing.assert_close(some(images), whole[..., circle].flatten(2), rtol=0, atol=1e-6)


def test_a_blank_wide_image_looks_the_same_from_anywhere_in_a_circle_as_high_as_it_is():
    copies = Orbit(bin_angles(4, 180.0), (5, 11), 5)(torch.ones(1, 1, 5, 11))
    torch.testing.assert_close(copies, torch.ones_like(copies))


@pytest.mark.parametrize(("n_bins", "range_deg"), [(8, 180.0), (12, 180.0), (8, 90.0)])
def test_bins_and_offsets_make_a_flat_prior(n_bins: int, range_deg: float):
    """The density of φ_k + δ is flat within 1.5 %, but for the ends of a narrower range."""
    sd = offset_sd(n_bins, range_deg)
    centres = bin_angles(n_bins, range_deg).double()
    turns = 2 * math.pi * torch.arange(-2, 3) if range_deg == 180 else torch.zeros(1)
    inner = math.radians(range_deg) * (1.0 if range_deg == 180 else 0.6)
    x = torch.linspace(-inner, inner, 400, dtype=torch.float64)
    distance = x[:, None, None] - centres[:, None] + turns
    density = torch.exp(-0.5 * (distance / sd) ** 2).sum((1, 2)) / (n_bins * sd * 2.5066283)
    flat = 1 / (2 * math.radians(range_deg))
    torch.testing.assert_close(density, torch.full_like(density, flat), rtol=0.015, atol=0)
