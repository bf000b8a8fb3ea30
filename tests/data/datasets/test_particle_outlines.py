"""Outlines: their symmetry is what they claim, their centre of mass the origin."""

import math

import pytest
import torch

from vaerun.data.datasets.drawing import coverage
from vaerun.data.datasets.particle_outlines import OUTLINES, polygon

SIDE = 96


def raster(vertices: torch.Tensor) -> torch.Tensor:
    return coverage(vertices * 0.45 * SIDE + SIDE / 2, SIDE)


def turned(vertices: torch.Tensor, angle: float) -> torch.Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[cos, -sin], [sin, cos]], dtype=vertices.dtype)
    return vertices @ matrix.T


@pytest.mark.parametrize("name", OUTLINES)
def test_an_outline_looks_the_same_after_a_turn_by_its_symmetry_and_no_smaller_one(name: str):
    vertices = polygon(name)
    area = float(raster(vertices).sum())
    assert 0.1 * math.pi * (0.45 * SIDE) ** 2 < area
    same = []
    for order in range(2, 13):
        changed = (raster(turned(vertices, 2 * math.pi / order)) - raster(vertices)).abs().sum()
        if float(changed) < 0.02 * area:
            same.append(order)
    assert max(same, default=1) == OUTLINES[name].symmetry


@pytest.mark.parametrize("name", OUTLINES)
def test_an_outline_is_about_its_centre_of_mass_and_within_the_unit_circle(name: str):
    vertices = polygon(name)
    image = raster(vertices)
    at = torch.arange(SIDE) + 0.5 - SIDE / 2
    centre = torch.stack([(image.sum(1) * at).sum(), (image.sum(0) * at).sum()]) / image.sum()
    assert centre.abs().max() <= 1 / 8  # pixels: half of the distance between scan lines
    assert float(vertices.norm(dim=1).max()) == pytest.approx(1)


def test_there_are_outlines_of_every_symmetry_and_look_alikes():
    assert {outline.symmetry for outline in OUTLINES.values()} == {1, 2, 3, 4, 5, 6}
    drop, notched = raster(polygon("teardrop")), raster(polygon("notched_teardrop"))
    assert 0 < float((drop - notched).abs().sum()) < 0.25 * float(drop.sum())
