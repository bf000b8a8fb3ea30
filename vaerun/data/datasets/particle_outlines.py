"""Outlines of particles by name: closed polygons, each with the order of its rotational symmetry.

Every outline is written about any point in any unit; `polygon` moves its centre of mass to the
origin and scales it so that its farthest vertex is at distance 1. Points are (row, column).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

# V vertices of a polygon.

Point = tuple[float, float]

_N_CURVE = 360  # vertices of a curve


class Outline(NamedTuple):
    """One kind of particle.

    Attributes
    ----------
    vertices
        Makes its polygon (V, 2) float64, simple, in any unit.
    symmetry
        Order of its rotational symmetry: it looks the same after every turn by 360° / symmetry.
    """

    vertices: Callable[[], Tensor]
    symmetry: int


def polygon(name: str) -> Tensor:
    """The outline as a polygon (V, 2): centre of mass at the origin, farthest vertex at 1."""
    vertices = OUTLINES[name].vertices()
    vertices = vertices - _centre_of_mass(vertices)
    return vertices / vertices.norm(dim=1).max()


def _centre_of_mass(vertices: Tensor) -> Tensor:
    """Centre of mass (2,) of the area inside a simple polygon (V, 2)."""
    after = vertices.roll(-1, dims=0)
    cross = vertices[:, 0] * after[:, 1] - after[:, 0] * vertices[:, 1]
    return ((vertices + after) * cross[:, None]).sum(0) / (3 * cross.sum())


@cache
def _circle() -> Tensor:
    """Angles all round, (V,)."""
    return torch.arange(_N_CURVE, dtype=torch.float64) * (2 * math.pi / _N_CURVE)


def _polar(radius: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
    """The curve of a radius above 0 as a function of the angle."""

    def vertices() -> Tensor:
        angle = _circle()
        return radius(angle)[:, None] * torch.stack([angle.sin(), angle.cos()], dim=1)

    return vertices


def _corners(*points: Point) -> Callable[[], Tensor]:
    """A polygon of given corners."""
    return lambda: torch.tensor(points, dtype=torch.float64)


def _regular(n: int) -> Callable[[], Tensor]:
    """A regular polygon of n corners."""
    return _star(n, math.cos(math.pi / n))


def _star(n: int, inner: float, turn: float = 0.0) -> Callable[[], Tensor]:
    """A star of n points; its inner corners are at `inner`, turned by a share of a step."""

    def vertices() -> Tensor:
        tip = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
        angle = torch.stack([tip, tip + (0.5 + turn) * 2 * math.pi / n], dim=1).flatten()
        radius = torch.tensor([1.0, inner], dtype=torch.float64).repeat(n)
        return radius[:, None] * torch.stack([angle.sin(), angle.cos()], dim=1)

    return vertices


def _crescent() -> Tensor:
    """A disc less a smaller one to the right of its centre: outer arc, then inner arc."""
    tip, middle = 0.42, 0.5  # angle of the tips seen from the centre; centre of the smaller disc
    column, row = math.cos(tip) - middle, math.sin(tip)
    outer = torch.linspace(tip, 2 * math.pi - tip, _N_CURVE, dtype=torch.float64)
    start = math.atan2(row, column)
    inner = torch.linspace(2 * math.pi - start, start, _N_CURVE, dtype=torch.float64)
    radius = math.hypot(row, column)
    outside = torch.stack([outer.sin(), outer.cos()], dim=1)
    inside = torch.stack([radius * inner.sin(), middle + radius * inner.cos()], dim=1)
    return torch.cat([outside, inside])


def _teardrop(notch: float) -> Callable[[], Tensor]:
    """A drop whose tip points to the right; with a notch of some depth in its round end."""

    def vertices() -> Tensor:
        angle = _circle()
        row = 0.75 * angle.sin() * (angle / 2).sin() ** 1.5
        dent = notch * torch.exp(-((row / 0.15) ** 2)) * (angle.cos() < 0)
        return torch.stack([row, angle.cos() + dent], dim=1)

    return vertices


OUTLINES: dict[str, Outline] = {
    # no rotation leaves them as they are; the first five are their own mirror images
    "teardrop": Outline(_teardrop(0.0), 1),
    "notched_teardrop": Outline(_teardrop(0.2), 1),
    "crescent": Outline(_crescent, 1),
    "arrow": Outline(
        _corners((-1, 0), (0, 0.8), (0, 0.3), (1, 0.3), (1, -0.3), (0, -0.3), (0, -0.8)), 1
    ),
    "trapezium": Outline(_corners((-0.5, 0.35), (0.5, 0.9), (0.5, -0.9), (-0.5, -0.35)), 1),
    "ell": Outline(
        _corners((-1, -0.6), (-1, -0.1), (0.5, -0.1), (0.5, 0.6), (1, 0.6), (1, -0.6)), 1
    ),
    "flag": Outline(_corners((-1, -0.5), (-0.6, 0.7), (-0.1, -0.1), (1, -0.1), (1, -0.5)), 1),
    "comma": Outline(
        _polar(lambda a: 0.35 + 0.65 * (torch.remainder(a, 2 * math.pi) / (2 * math.pi))), 1
    ),
    # alike after half a turn; the last two are not their own mirror images
    "ellipse": Outline(_polar(lambda a: 0.5 / (1 - 0.75 * a.cos() ** 2).sqrt()), 2),
    "rod": Outline(_corners((-1, -0.28), (-1, 0.28), (1, 0.28), (1, -0.28)), 2),
    "peanut": Outline(_polar(lambda a: 0.62 + 0.38 * (2 * a).cos()), 2),
    "zee": Outline(
        _corners(
            (-0.9, -0.7),
            (-0.9, 0.25),
            (0.4, 0.25),
            (0.4, 0.7),
            (0.9, 0.7),
            (0.9, -0.25),
            (-0.4, -0.25),
            (-0.4, -0.7),
        ),
        2,
    ),
    "parallelogram": Outline(_corners((-0.5, -0.9), (-0.5, 0.3), (0.5, 0.9), (0.5, -0.3)), 2),
    "triangle": Outline(_regular(3), 3),
    "trefoil": Outline(_polar(lambda a: 0.65 + 0.35 * (3 * a).cos()), 3),
    "triskelion": Outline(_star(3, 0.35, turn=0.3), 3),
    "square": Outline(_regular(4), 4),
    "cross": Outline(
        _corners(
            (-1, -0.3),
            (-1, 0.3),
            (-0.3, 0.3),
            (-0.3, 1),
            (0.3, 1),
            (0.3, 0.3),
            (1, 0.3),
            (1, -0.3),
            (0.3, -0.3),
            (0.3, -1),
            (-0.3, -1),
            (-0.3, -0.3),
        ),
        4,
    ),
    "pinwheel": Outline(_star(4, 0.4, turn=0.3), 4),
    "pentagon": Outline(_regular(5), 5),
    "star": Outline(_star(5, 0.45), 5),
    "hexagon": Outline(_regular(6), 6),
    "flower": Outline(_polar(lambda a: 0.75 + 0.25 * (6 * a).cos()), 6),
}


def symmetries(names: Sequence[str]) -> list[int]:
    """The order of the rotational symmetry of each outline."""
    return [OUTLINES[name].symmetry for name in names]
