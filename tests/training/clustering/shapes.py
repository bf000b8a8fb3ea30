"""Shapes whose images run smoothly into one another, at any angle, and settings for them."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vaerun.evaluation.metrics.clustering import agreement
from vaerun.geometry import pixel_grid, pixel_size
from vaerun.training.clustering.settings import ClusteringSettings

CPU = torch.device("cpu")
N = 600
FULL_CIRCLE = ClusteringSettings(
    n_classes=3,
    n_templates=15,
    n_repeats=1,
    angle_range=math.pi,
    centre=False,
    size=False,
    mask=False,
    likelihood="bernoulli",
)


def bar(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a bar, below 0 inside."""
    return torch.maximum(u.abs() - 0.7, v.abs() - 0.14)


def ring(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a ring, below 0 inside."""
    return (torch.hypot(u, v) - 0.45).abs() - 0.13


def cross(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a cross, below 0 inside."""
    arms = [torch.maximum(a.abs() - 0.5, b.abs() - 0.15) for a, b in ((u, v), (v, u))]
    return torch.minimum(*arms)


def letter(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of an L, which has no rotational symmetry."""
    stem = torch.maximum(u.abs() - 0.6, (v + 0.15).abs() - 0.14)
    foot = torch.maximum((u - 0.46).abs() - 0.14, (v - 0.2).abs() - 0.4)
    return torch.minimum(stem, foot)


def uniform(n: int, seed: int) -> Tensor:
    """Rotation, stretch, row and column shift of each of n images, −1 to 1, (4, n, 1)."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(4, n, 1, generator=random) * 2 - 1


def shapes(
    n: int = N,
    *,
    kinds: Sequence[Callable[[Tensor, Tensor], Tensor]] = (bar, ring, cross),
    size: tuple[int, int] = (20, 20),
    turn: float = math.pi,
    scale: float = 1.0,
    shift_px: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Images of some kinds, randomly stretched, rotated and shifted, and the kind of each."""
    angle, along, row, column = uniform(n, seed)
    pixel = pixel_size(*size)
    points = pixel_grid(*size).flatten(0, 1)
    rows, columns = points[:, 0] - shift_px * pixel * row, points[:, 1] - shift_px * pixel * column
    cos, sin = torch.cos(turn * angle), torch.sin(turn * angle)
    u, v = (cos * rows + sin * columns) / (1 + 0.2 * along), cos * columns - sin * rows
    kind = torch.arange(n) % len(kinds)
    each = torch.stack([scale * shape(u / scale, v / scale) for shape in kinds])
    distance = each[kind, torch.arange(n)]
    images = torch.sigmoid(-4 * distance / pixel).view(n, 1, *size)
    random = torch.Generator().manual_seed(seed + 100)
    images = images + noise * torch.randn(images.shape, generator=random)
    return images.clamp(0, 1), kind


def unknown(n: int = N) -> Tensor:
    return torch.full((n,), -1)


def accuracy(pseudo: Tensor, kind: Tensor) -> float:
    """Share of images whose cluster is matched to their kind; −1 counts as wrong."""
    sure = pseudo >= 0
    share = agreement(pseudo[sure].numpy(), kind[sure].numpy())["hungarian"]
    return share * float(sure.float().mean())
