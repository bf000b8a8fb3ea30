"""Figures of the pose: encoded against true angle, histograms of angle and shift."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vaerun.evaluation.figures.style import (
    FAINT,
    UNKNOWN,
    class_colours,
    class_key,
    colours_of,
    degree_ticks,
    new_figure,
    scatter,
)
from vaerun.evaluation.metrics.circular import wrap

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

# N images, J classes. Angles (N,) are in radians, NaN where unknown, and drawn in degrees modulo
# 360°/symmetry; labels (N,) are −1 where unknown; classes are the names of the J classes.

BINS = 60  # as in Figures 8d and 10b of the paper
MOST_PANELS = 12  # classes that get a panel of their own
BLUE = "#4f7fc4"


def draw_angle_vs_truth(
    estimate: Floats, truth: Floats, label: Ints, classes: Sequence[str], symmetry: int = 1
) -> Figure:
    """Encoded against true angle: a panel of all images, then one for each class."""
    period = 2 * np.pi / symmetry
    x = np.rad2deg(truth if symmetry == 1 else wrap(truth, period))
    y = np.rad2deg(wrap(estimate, period))
    shown = [j for j in range(len(classes)) if (label == j).any()]
    parts = shown if 1 < len(shown) <= MOST_PANELS else []
    n_panels = 1 + len(parts)
    columns = min(n_panels, 5 if n_panels in (5, 9, 10) else 4 if n_panels > 6 else 3)
    rows = -(-n_panels // columns)
    figure = new_figure(2.15 * columns + 1.6 if parts else 4.6, 2.2 * rows + 0.3 if parts else 3.8)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    panels = list(grid.flat)
    for axes in panels[n_panels:]:
        axes.set_axis_off()
    colours = colours_of(label, len(classes)) if classes else np.full(len(x), BLUE)
    most = float(np.abs(x).max())
    limits = most if symmetry == 1 else _axis_limit(x, symmetry), _axis_limit(y, symmetry)
    _angle_panel(panels[0], x, y, colours, "all" if parts else "", limits)
    for axes, j in zip(panels[1:], parts, strict=False):
        own = label == j
        _angle_panel(axes, x[own], y[own], colours[own], classes[j], limits)
    figure.supxlabel("true angle" + _modulo(symmetry), fontsize=9)
    figure.supylabel("encoded angle" + _modulo(symmetry), fontsize=9)
    if classes:
        class_key(figure, classes, grey="unknown" if (label < 0).any() else None)
    return figure


def _modulo(symmetry: int) -> str:
    return "" if symmetry == 1 else f", modulo {360 / symmetry:g}°"


def _angle_panel(
    axes: Axes,
    x: Floats,
    y: Floats,
    colours: npt.NDArray[np.str_],
    title: str,
    limits: tuple[float, float],
) -> None:
    scatter(axes, x, y, c=colours)
    axes.set_xlim(-1.04 * limits[0], 1.04 * limits[0])
    axes.set_ylim(-limits[1], limits[1])
    degree_ticks(axes.xaxis, limits[0])
    degree_ticks(axes.yaxis, limits[1])
    axes.grid()
    axes.set_title(title)


def _axis_limit(angle_deg: Floats, symmetry: int) -> float:
    """Limit of an axis of angles, degrees: the whole period, or just beyond a narrow range."""
    most = 1.15 * float(np.quantile(np.abs(angle_deg), 0.995))
    return 180 / symmetry if most > 90 / symmetry else max(most, 1.0)


def draw_angle_histogram(
    estimate: Floats,
    truth: Floats | None,
    label: Ints,
    classes: Sequence[str],
    symmetry: int = 1,
) -> Figure:
    """Histogram of the encoded angle and, with a true angle, of the difference from it."""
    parts = _class_masks(label, classes)
    figure = new_figure(7.6 if truth is not None else 4.6, 3.0)
    panels = figure.subplots(1, 2 if truth is not None else 1, squeeze=False)[0]
    period = 2 * np.pi / symmetry
    values = np.rad2deg(wrap(estimate, period))
    edges = _angle_bins(panels[0], values, symmetry)
    panels[0].hist(
        [values[mask] for _, mask in parts],
        bins=list(edges),
        stacked=True,
        color=[colour for colour, _ in parts],
    )
    panels[0].set(xlabel="encoded angle" + _modulo(symmetry), ylabel="images")
    if truth is not None:
        labelled = np.isfinite(truth)
        difference = np.rad2deg(wrap(estimate - truth, period))
        edges = _angle_bins(panels[1], difference[labelled], symmetry)
        for colour, mask in parts:
            own = difference[mask & labelled]
            counts = np.histogram(own, edges)[0] / max(len(own), 1)
            panels[1].stairs(counts, edges, color=colour, linewidth=1.4)
        panels[1].set(
            xlabel="encoded − true angle" + _modulo(symmetry),
            ylabel="share of the class" if classes else "share of the images",
            ylim=(0, None),
        )
    if classes:
        class_key(figure, classes, grey="unknown" if (label < 0).any() else None)
    return figure


def _angle_bins(axes: Axes, angle_deg: Floats, symmetry: int) -> Floats:
    """Set the range of the x axis; the edges (BINS + 1,) of the bins in it."""
    limit = _axis_limit(angle_deg, symmetry)
    axes.set_xlim(-limit, limit)
    degree_ticks(axes.xaxis, limit)
    return np.linspace(-limit, limit, BINS + 1)


def _class_masks(label: Ints, classes: Sequence[str]) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Colour and mask (N,) of each class that has images, then of the unlabelled images."""
    colours = [*class_colours(len(classes)), UNKNOWN if classes else BLUE]
    masks = [label == j for j in range(len(classes))]
    masks.append(~np.any(masks, axis=0) if masks else np.ones(len(label), dtype=bool))
    return [(c, m) for c, m in zip(colours, masks, strict=True) if m.any()]


def draw_shift_histogram(shift_px: Floats, truth_px: Mapping[str, Floats]) -> Figure:
    """Histograms of the encoded shifts (N, 2), row and column in pixels, with the true ones.

    The true shifts are ``row`` and ``column`` (N,), NaN where unknown, or empty.
    """
    figure = new_figure(8.6, 2.9)
    panels = figure.subplots(1, 3)
    limit = max(float(np.quantile(np.abs(shift_px), 0.999)), 0.05)
    edges = np.linspace(-limit, limit, BINS + 1)
    for i, name in enumerate(("row", "column")):
        panels[i].hist(shift_px[:, i], bins=list(edges), color=BLUE, label="encoded")
        if name in truth_px:
            counts = np.histogram(truth_px[name][np.isfinite(truth_px[name])], edges)[0]
            panels[i].stairs(counts, edges, color="#22262b", linewidth=1.1, label="true")
            panels[i].legend()
        panels[i].set(xlabel=f"{name} shift (pixels)", ylabel="images")
    counts = np.histogram2d(shift_px[:, 0], shift_px[:, 1], bins=[edges, edges])[0]
    box = (-limit, limit, limit, -limit)
    panels[2].imshow(np.sqrt(counts), cmap="magma", extent=box)
    panels[2].axhline(0, color=FAINT, linewidth=0.5)
    panels[2].axvline(0, color=FAINT, linewidth=0.5)
    panels[2].set(xlabel="column (pixels)", ylabel="row (pixels)")
    return figure
