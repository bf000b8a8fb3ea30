"""Pixel grids, poses and resampling; all signs are defined here.

Points are (row, column) on an isotropic grid in which the centres of the first and last pixel of
the longer side are at −1 and +1; rows grow downwards, as displayed.

A pose puts an object into an image: it is scaled, turned by ``angle`` and then shifted,

    p_image = scale · R(angle) · p_object + shift,      R(a) = [[cos a, −sin a], [sin a, cos a]],

so that on (row, column) points a positive angle turns the object counter-clockwise as displayed.
An image is resampled by the inverse map (eq. 3 of the review, with these signs).

A curve is an image of one row. Its points are columns, the first at −1 and the last at +1, so that
poses, grids and warps are the same; rows and angles are zero, and a shift has one dimension.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# N images or poses, C channels, H W rows and columns, P = H·W points.

_FAR = 1e4  # grid units


class Pose(NamedTuple):
    """Poses of N objects in their images.

    Attributes
    ----------
    angle
        (N,) radians, counter-clockwise as displayed.
    shift
        (N, 2) row and column, grid units (see `pixel_size`).
    scale
        (N,) factor; 1 is the object's own size.
    """

    angle: Tensor
    shift: Tensor
    scale: Tensor

    @classmethod
    def identity(cls, n: int, device: torch.device | None = None) -> "Pose":
        """N identity poses."""
        return cls(
            torch.zeros(n, device=device),
            torch.zeros(n, 2, device=device),
            torch.ones(n, device=device),
        )


def pixel_size(height: int, width: int) -> float:
    """Distance between neighbouring pixel centres, in grid units."""
    return 2.0 / max(height - 1, width - 1, 1)


def is_curve(height: int) -> bool:
    """Whether images of this height are curves, which have one dimension."""
    return height == 1


def n_shifts(height: int) -> int:
    """Dimensions of a shift: row and column, or the column alone of a curve."""
    return 1 if is_curve(height) else 2


def shift_bins(n_bins: int, half_range: float, width: int) -> Tensor:
    """Whole points (K,) that curves of a width are shifted by, evenly over ± a range.

    Parameters
    ----------
    n_bins
        K; fewer where bins would be narrower than a point.
    half_range
        Grid units.
    width
        Points of a curve.
    """
    most = half_range / pixel_size(1, width)
    middles = (torch.arange(n_bins) - (n_bins - 1) / 2) * (2 * most / n_bins)
    return middles.round().long().unique()


def shifted_back(curves: Tensor, points: Tensor) -> Tensor:
    """Copies (N, K, C, W) of curves (N, C, 1, W), moved to lower columns by whole points (K,).

    Beyond either end a curve goes on at the value it has there.
    """
    width = curves.shape[-1]
    column = torch.arange(width, device=curves.device) + points[:, None]  # (K, W)
    copies = curves[:, :, 0, column.clamp(0, width - 1)]  # (N, C, K, W)
    return copies.transpose(1, 2)


def pixel_grid(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Pixel centres as points, (H, W, 2) of (row, column) in grid units."""
    rows, columns = _pixel_lines(height, width, device)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)


def _pixel_lines(
    height: int, width: int, device: torch.device | None, every: slice = slice(None)
) -> tuple[Tensor, Tensor]:
    """Coordinates of every row in a slice and of all columns of pixel centres, grid units."""
    step = pixel_size(height, width)
    rows = torch.arange(*every.indices(height), device=device)
    columns = torch.arange(width, device=device)
    return (rows - (height - 1) / 2) * step, (columns - (width - 1) / 2) * step


def wrap(angle: Tensor) -> Tensor:
    """Angle modulo 2π, in [−π, π)."""
    wrapped = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
    return torch.where(wrapped >= math.pi, -math.pi, wrapped)  # rounding reaches π from below −π


def rotation(angle: Tensor) -> Tensor:
    """R(angle) for (row, column) points, (..., 2, 2)."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], dim=-1).unflatten(-1, (2, 2))


def shear(angle: Tensor) -> Tensor:
    """Symmetric shear [[1, tan a], [tan a, 1]] of the playing cards, (..., 2, 2)."""
    one, tan = torch.ones_like(angle), angle.tan()
    return torch.stack([one, tan, tan, one], dim=-1).unflatten(-1, (2, 2))


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Return matrix · p of each point: (..., 2, 2) and (..., 2), broadcast against each other.

    A matrix product would be rounded to bfloat16 under autocast, an error of a tenth of a pixel.
    """
    row, column = points[..., 0], points[..., 1]
    return torch.stack(
        [
            matrix[..., 0, 0] * row + matrix[..., 0, 1] * column,
            matrix[..., 1, 0] * row + matrix[..., 1, 1] * column,
        ],
        dim=-1,
    )


def to_object(points: Tensor, pose: Pose) -> Tensor:
    """Image points in the coordinates of the object: R(−angle)·(p − shift) / scale.

    Points are (P, 2), or (N, P, 2) for points of each image; returns (N, P, 2) for N poses.
    """
    inverse = rotation(-pose.angle) / pose.scale[:, None, None]  # (N, 2, 2)
    return apply(inverse[:, None], points - pose.shift[:, None, :])


def warp(
    images: Tensor,
    matrix: Tensor,
    shift: Tensor,
    size: tuple[int, int] | None = None,
    *,
    extent: float = 1.0,
    padding: str = "zeros",
) -> Tensor:
    """Images (N, C, H, W) under the map p → matrix · p + shift, resampled bilinearly.

    Parameters
    ----------
    images
        (N, C, h, w).
    matrix
        (N, 2, 2) forward map of (row, column) points, invertible.
    shift
        (N, 2) row and column, grid units of the output.
    size
        (H, W) of the output; that of ``images`` if None.
    extent
        Half of the longer side of ``images``, in grid units of the output; above 1 for a canvas
        larger than the output.
    padding
        Values outside ``images``: ``"zeros"``, or ``"border"`` for the nearest edge pixel.
    """
    h, w = images.shape[-2:]
    height, width = size or (h, w)
    inverse = torch.linalg.inv(matrix)
    inverse_map = torch.cat([inverse, -apply(inverse, shift)[:, :, None]], dim=-1)  # (N, 2, 3)
    lines = _pixel_lines(height, width, images.device)
    return _resample(images, inverse_map, lines, extent, padding)


def place(
    canvas: Tensor,
    pose: Pose,
    size: tuple[int, int],
    *,
    extent: float = 1.0,
    rows: slice = slice(None),
) -> Tensor:
    """Images (N, C, H, W) of objects on a canvas under N poses, resampled bilinearly.

    Parameters
    ----------
    canvas
        (N, C, h, w).
    size
        (H, W) of the image.
    extent
        See `warp`.
    rows
        Rows of the image to return.
    """
    cos, sin = pose.angle.cos() / pose.scale, pose.angle.sin() / pose.scale
    row, column = pose.shift.unbind(1)
    # `to_object` as one matrix
    object_row = [cos, sin, -(cos * row + sin * column)]
    object_column = [-sin, cos, sin * row - cos * column]
    inverse_map = torch.stack([*object_row, *object_column], dim=1).unflatten(1, (2, 3))
    lines = _pixel_lines(*size, canvas.device, rows)
    return _resample(canvas, inverse_map, lines, extent, "border")


def _resample(
    images: Tensor,
    inverse_map: Tensor,
    lines: tuple[Tensor, Tensor],
    extent: float,
    padding: str,
) -> Tensor:
    """Sample images at inverse_map · (row, column, 1) for all ``lines``, rows and columns."""
    h, w = images.shape[-2:]
    # torch's grid is (x, y) = (column, row), each axis spanning [−1, 1] between pixel centres.
    unit = pixel_size(h, w) * extent / 2
    # grid_sample reads outside its memory where a coordinate is NaN, as in a diverging run; the
    # clamp changes nothing, as all points far outside an image have the same value.
    at_row, at_column = inverse_map.nan_to_num(0.0).clamp(-_FAR, _FAR).unbind(1)
    half_row, half_column = max(h - 1, 1) * unit, max(w - 1, 1) * unit
    to_grid = torch.stack([at_column / half_column, at_row / half_row], dim=1)  # (N, 2, 3)
    rows, columns = lines
    # An affine map is a term of the row plus one of the column: no matrix product of N·H·W points.
    # Coordinates come first, so that the innermost loops go along a row of pixels.
    down = rows * to_grid[:, :, :1] + to_grid[:, :, 2:]  # (N, 2, H)
    across = columns * to_grid[:, :, 1:2]  # (N, 2, W)
    grid = (down[:, :, :, None] + across[:, :, None]).to(images.dtype).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=True)


def rotate(images: Tensor, angle: Tensor) -> Tensor:
    """Images (N, C, H, W) rotated by ``angle`` (N,) radians."""
    shift = torch.zeros(len(images), 2, device=images.device)
    return warp(images, rotation(angle).to(images.device), shift)
