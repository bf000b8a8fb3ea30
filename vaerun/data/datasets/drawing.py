"""Outlines to pixels: the area that a polygon covers, and a drawing under many affine maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun import geometry

# V vertices of a polygon, S scan lines, M places where a scan line crosses an edge.

_LINES_PER_PIXEL = 4
_SUPERSAMPLING = 3  # samples a pixel along each axis; their mean is the pixel


def coverage(polygon: Tensor, size: int) -> Tensor:
    """Share of each pixel that a simple polygon covers, (size, size) in [0, 1].

    Parameters
    ----------
    polygon
        (V, 2) row and column, in pixels from the top left corner of the image.
    size
        Side of the image in pixels.

    Notes
    -----
    Each edge that a scan line crosses adds ±1, by its direction, to everything right of the
    crossing. This is exact along the line, and averaged over a few lines per pixel.
    """
    ends = polygon.roll(-1, dims=0)
    lines = (torch.arange(size * _LINES_PER_PIXEL, dtype=polygon.dtype) + 0.5) / _LINES_PER_PIXEL
    above = polygon[:, 0] <= lines[:, None]  # (S, V)
    line, edge = (above != (ends[:, 0] <= lines[:, None])).nonzero(as_tuple=True)  # (M,) each
    start, step = polygon[edge], (ends - polygon)[edge]
    column = start[:, 1] + (lines[line] - start[:, 0]) / step[:, 0] * step[:, 1]
    right_of_pixel = torch.arange(1, size + 1, dtype=polygon.dtype)
    covered = (right_of_pixel - column[:, None]).clamp(0, 1) * step[:, 0].sign()[:, None]
    total = torch.zeros(len(lines), size, dtype=polygon.dtype).index_add_(0, line, covered)
    return total.view(size, _LINES_PER_PIXEL, size).mean(dim=1).abs().clamp(0, 1)


def warped(master: Tensor, matrix: Tensor, shift_px: Tensor, size: int) -> Tensor:
    """One drawing under n affine maps, (n, 1, S, S): each pixel is the mean of samples inside it.

    Parameters
    ----------
    master
        (M, M) in [0, 1], a drawing about the middle of the same field at more pixels.
    matrix
        (n, 2, 2) maps of (row, column) points.
    shift_px
        (n, 2) row and column, in pixels of the images.
    size
        S, the side of the images in pixels.
    """
    fine = size * _SUPERSAMPLING
    fine_px = geometry.pixel_size(fine, fine)  # grid units of the fine image, which is warped to
    # both images cover the same field, but their outermost pixel centres differ
    half_master = (1 - 1 / len(master)) * fine / 2 * fine_px
    copies = master.expand(len(matrix), 1, *master.shape)
    samples = geometry.warp(
        copies, matrix, shift_px * _SUPERSAMPLING * fine_px, (fine, fine), extent=half_master
    )
    return F.avg_pool2d(samples, _SUPERSAMPLING).clamp_(0, 1)
