"""Outlines of the four suits of playing cards, and their rasterisation.

A suit is a union of closed shapes. Coordinates are (row, column), rows downwards, in units of the
suit's longest side, from the middle of the suit; the heart is 0.08 lower, which centres its heavy
lobes. A mirror-symmetric shape is given by its right half, as cubic Bézier arcs.
"""

from functools import cache

import torch
from torch import Tensor

from vaerun.data.datasets.drawing import coverage

# V vertices of a polygon.

SUITS = ["clubs", "spades", "hearts", "diamonds"]
SYMMETRY = [1, 1, 1, 2]
LONGEST_SIDE = 0.62  # of the field, which contains a suit at any rotation and ±20° of shear

Point = tuple[float, float]
Arc = tuple[Point, Point, Point]  # two control points and the end

_POINTS_PER_ARC = 48

_HEART: list[Arc] = [
    ((-0.35, 0.03), (-0.42, 0.13), (-0.42, 0.24)),
    ((-0.42, 0.375), (-0.315, 0.47), (-0.16, 0.47)),
    ((0.08, 0.47), (0.27, 0.19), (0.58, 0.0)),
]
_SPADE: list[Arc] = [
    ((-0.30, 0.17), (-0.07, 0.43), (0.13, 0.43)),
    ((0.255, 0.43), (0.335, 0.345), (0.335, 0.235)),
    ((0.335, 0.145), (0.275, 0.075), (0.19, 0.03)),
    ((0.32, 0.05), (0.44, 0.10), (0.5, 0.20)),
]
_DIAMOND: list[Arc] = [
    ((-0.315, 0.115), (-0.15, 0.24), (0.0, 0.38)),
    ((0.15, 0.24), (0.315, 0.115), (0.5, 0.0)),
]
_CLUB_STEM: list[Arc] = [
    ((-0.1, 0.03), (-0.04, 0.06), (0.04, 0.11)),
    ((0.1, 0.06), (0.14, 0.035), (0.19, 0.03)),
    ((0.32, 0.05), (0.44, 0.10), (0.5, 0.20)),
]


def _mirrored(top: Point, right_half: list[Arc]) -> Tensor:
    """Closed polygon (V, 2) of a mirror-symmetric shape, from its right half, top to bottom."""
    t = torch.linspace(0, 1, _POINTS_PER_ARC + 1, dtype=torch.float64)[1:, None]
    start, vertices = torch.tensor([top], dtype=torch.float64), []
    for arc in right_half:
        first, second, end = torch.tensor(arc, dtype=torch.float64)[:, None]
        cubic = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second
        vertices.append(cubic + t**3 * end)
        start = end
    right = torch.cat([torch.tensor([top], dtype=torch.float64), *vertices])
    left = right.flip(0) * torch.tensor([1.0, -1.0], dtype=torch.float64)
    return torch.cat([right, left])


def _disc(row: float, column: float, radius: float) -> Tensor:
    """Circle as a polygon (V, 2)."""
    turn = torch.linspace(0, 2 * torch.pi, 4 * _POINTS_PER_ARC + 1, dtype=torch.float64)[1:]
    return torch.stack([row + radius * turn.sin(), column + radius * turn.cos()], dim=1)


def outlines(suit: str) -> list[Tensor]:
    """Closed polygons (V, 2) whose union is a suit, in units of its longest side."""
    if suit == "clubs":
        lobes = [_disc(-0.265, 0.0, 0.235), _disc(0.09, 0.25, 0.235), _disc(0.09, -0.25, 0.235)]
        return [*lobes, _disc(-0.03, 0.0, 0.13), _mirrored((-0.1, 0.0), _CLUB_STEM)]
    tops: dict[str, tuple[Point, list[Arc]]] = {
        "spades": ((-0.5, 0.0), _SPADE),
        "hearts": ((-0.23, 0.0), _HEART),
        "diamonds": ((-0.5, 0.0), _DIAMOND),
    }
    return [_mirrored(*tops[suit])]


@cache
def rasterise(suit: str, size: int) -> Tensor:
    """Suit at rotation 0 in the centre of its field, white on black, (size, size) float32."""
    shapes = [(shape * LONGEST_SIDE + 0.5) * size for shape in outlines(suit)]
    return torch.stack([coverage(shape, size) for shape in shapes]).amax(dim=0).float()
