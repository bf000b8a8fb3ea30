"""Figures made of images: samples, reconstructions, decoded grids and traversals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vaerun.evaluation.curve_pictures import pictures
from vaerun.evaluation.figures.style import new_figure

Floats = npt.NDArray[np.floating]

# R rows and K columns of images, C H W image, n images in a list.

GAP = 0.06  # between images, as a share of the longer side
MOST_INPUTS = 60
_TINY = float(np.finfo(np.float32).tiny)  # so that images of one grey are black
MOSAIC_PX = 2048  # of the longer side of a mosaic, twice what a figure shows
COLUMNS, MOST_EXAMPLES = 12, 36


def draw_inputs(images: Floats) -> Figure:
    """A sample of the images, (n, C, H, W)."""
    images = images[:MOST_INPUTS]
    columns = min(len(images), COLUMNS)
    rows = -(-len(images) // columns)
    figure = new_figure(7.6, 7.6 * rows / columns * _aspect(images) + 0.35)
    axes = figure.subplots()
    _draw_grid(axes, _in_rows(images, columns))
    axes.set_title(f"{len(images)} input images")
    _hide_axes(axes)
    return figure


def draw_reconstructions(rows: Mapping[str, Floats], title: str = "") -> Figure:
    """Rows of images (n, C, H, W) by their names: input, output and, for a restoration, truth."""
    stacked = np.stack(list(rows.values()))  # (R, n, C, H, W)
    n_rows, n = stacked.shape[:2]
    columns = min(n, COLUMNS)
    blocks = min(n, MOST_EXAMPLES) // columns
    height = 7.2 * n_rows / columns * _aspect(stacked) + 0.15
    figure = new_figure(7.6, height * blocks + (0.55 if title else 0.3))
    all_axes = figure.subplots(blocks, 1, squeeze=False)[:, 0]
    for i, axes in enumerate(all_axes):
        pixels = _draw_grid(axes, stacked[:, i * columns : (i + 1) * columns])
        _hide_axes(axes)
        axes.set_yticks((np.arange(n_rows) + 0.5) * pixels / n_rows, labels=list(rows))
        axes.tick_params(length=0)
    all_axes[0].set_title(title)
    return figure


def draw_manifold(
    images: Floats, row_axis: Floats, column_axis: Floats, dimensions: Sequence[int], title: str
) -> Figure:
    """Images decoded on a grid (R, K, C, H, W), with axes of the content."""
    rows, columns = images.shape[:2]
    width = 6.4 if rows > 1 else 9.0
    height = width * rows / columns * images.shape[-2] / images.shape[-1]
    figure = new_figure(width + 0.6, height + 0.7)
    axes = figure.subplots()
    _draw_grid(axes, images, (0, columns, rows, 0))
    axes.set_title(title)
    _hide_axes(axes)
    axis_ticks(axes.xaxis, column_axis)
    axes.set_xlabel(f"z{dimensions[0] + 1}")
    if len(dimensions) > 1:
        axis_ticks(axes.yaxis, row_axis)
        axes.set_ylabel(f"z{dimensions[1] + 1}", rotation=0, labelpad=10)
    return figure


def draw_traversal(images: Floats, axis: Floats, name: str, classes: Sequence[str]) -> Figure:
    """Images along one content dimension, (K, C, H, W), or one row a class, (J, K, C, H, W)."""
    by_class = images.ndim == 5
    rows = images if by_class else images[None]
    height = 8.2 * len(rows) / rows.shape[1] * rows.shape[-2] / rows.shape[-1]
    figure = new_figure(9.0, height + 0.75)
    axes = figure.subplots()
    _draw_grid(axes, rows, (0, rows.shape[1], len(rows), 0))
    _hide_axes(axes)
    axis_ticks(axes.xaxis, axis)
    axes.set_xlabel(name)
    if by_class and len(classes) == len(rows):
        axes.set_yticks(np.arange(len(rows)) + 0.5, labels=classes)
    axes.set_title(f"Along {name}, all else 0")
    return figure


def mosaic(images: Floats) -> Floats:
    """One picture (height, width, 3 or 1) in [0, 1] of a grid of images, with white gaps.

    The images (R, K, C, H, W) have any range; NaN stands for a place without an image.
    """
    images = pictures(images)
    if images.shape[2] != 3:
        images = images[:, :, :1]
    images = _as_seen(images)
    low, high = min(float(np.nanmin(images)), 0.0), float(np.nanmax(images))
    span = max(high - low, _TINY)
    scaled = np.nan_to_num((images - low) / span, nan=1.0)
    rows, columns, channels, h, w = scaled.shape
    gap = max(round(GAP * max(h, w)), 1)
    picture = np.ones((rows, h + gap, columns, w + gap, channels), np.float32)
    picture[:, :h, :, :w] = scaled.transpose(0, 3, 1, 4, 2)
    return picture.reshape(rows * (h + gap), columns * (w + gap), channels)[:-gap, :-gap]


def _as_seen(images: Floats) -> Floats:
    """Images (R, K, C, H, W) averaged so that their mosaic has at most `MOSAIC_PX` a side."""
    rows, columns, channels, height, width = images.shape
    shrink = min(MOSAIC_PX / (rows * height), MOSAIC_PX / (columns * width))
    if shrink >= 1:
        return images
    size = [max(int(side * shrink), 1) for side in (height, width)]
    flat = torch.from_numpy(np.ascontiguousarray(images, np.float32))
    small = F.interpolate(flat.reshape(-1, channels, height, width), size, mode="area")
    return small.numpy().reshape(rows, columns, channels, *size)


def _in_rows(images: Floats, columns: int) -> Floats:
    """A list of images as rows, the last one filled up with NaN."""
    missing = -len(images) % columns
    blank = np.full((missing, *images.shape[1:]), np.nan, np.float32)
    return np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])


def _draw_grid(
    axes: Axes, images: Floats, extent: tuple[float, float, float, float] | None = None
) -> int:
    """Draw a grid of images; return the picture's height in pixels."""
    picture = mosaic(images)
    grey = picture[..., 0] if picture.shape[-1] == 1 else picture
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=extent)
    if extent is not None:
        axes.set_aspect("auto")
        axes.set_box_aspect(picture.shape[0] / picture.shape[1])
    return len(picture)


def _aspect(images: Floats) -> float:
    return float(images.shape[-2] / images.shape[-1])


def _hide_axes(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def axis_ticks(axis: Any, values: Floats) -> None:
    """Label up to seven images of an axis with their values."""
    step = max(-(-(len(values) - 1) // 6), 1)
    at = np.arange(0, len(values), step)
    spread = float(np.ptp(values))
    decimals = max(1 - math.floor(math.log10(spread / 5)), 1) if spread else 2
    labels = [f"{round(float(values[i]), decimals) + 0.0:g}".replace("-", "−") for i in at]
    axis.set_ticks(at + 0.5, labels=labels)
    axis.set_tick_params(length=0)
