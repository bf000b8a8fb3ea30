"""Patches of a lattice fill their field; particles don't, alone or several, in noise."""

import pytest
import torch

from vaerun.models.field_filling import judge


def blobs(places: list[tuple[float, float]], sd: float = 3.0) -> torch.Tensor:
    """60 images of 32 × 32 with blobs at places that vary a little, in noise."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.stack(torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij"), -1)
    images = torch.zeros(60, 32, 32)
    for place in places:
        at = torch.tensor(place) + torch.randn(60, 2, generator=generator)
        images += torch.exp(-(grid - at[:, None, None]).square().sum(-1) / (2 * sd**2))
    return (0.2 + 0.6 * images + 0.03 * torch.randn(60, 32, 32, generator=generator))[:, None]


@pytest.mark.parametrize("places", [[(16, 16)], [(10, 10), (20, 22), (22, 9)]])
def test_particles_in_the_middle_leave_a_margin(places):
    fills, reason = judge(blobs(places).clamp(0, 1))
    assert not fills
    assert reason


def test_a_lattice_fills_its_field():
    lattice = [(r, c) for r in range(0, 33, 8) for c in range(0, 33, 8)]
    fills, reason = judge(blobs(lattice, 2.0).clamp(0, 1))
    assert fills
    assert "margin" in reason


def test_pure_noise_fills_it_too():
    noise = torch.rand(60, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert judge(noise)[0]
