"""Figures made of curves: samples, reconstructions with residuals, families along the content."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from vaerun.evaluation.figures.images import axis_ticks
from vaerun.evaluation.figures.style import FAINT, INK, SIX, class_colours, new_figure, scatter

Floats = npt.NDArray[np.floating]
Arrays = Mapping[str, npt.NDArray[Any]]

# n curves of C channels and L points, R rows and K columns of a grid, J classes.

_MOST, _COLUMNS = 24, 6  # curves of a sample
_ROOM = 0.86  # share of a tile that its curve takes
_DATA, _MODEL, _RESIDUAL = "#8a929c", SIX[0], SIX[2]


class Axis(NamedTuple):
    """Values (L,) of the points of a curve, and the name of the axis with its unit."""

    values: Floats
    label: str


def draw_curves(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    """Every figure of the curves in `figures/arrays.npz`."""
    axis = Axis(arrays["curve_axis"], str(arrays["curve_axis_label"]))
    if "map_names" in arrays:
        classes = [str(name) for name in arrays["map_names"]]
    figures = {}
    if len(arrays.get("inputs", ())):
        figures["inputs"] = _draw_sample(arrays["inputs"], axis)
    for name, title in (("reconstructions", "Curves and what the model makes of them"),
                        ("outliers", "Curves that are reconstructed worst")):  # fmt: skip
        if len(arrays.get(f"{name}_input", ())):
            figures[name] = _draw_pairs(arrays, name, axis, title)
    for name in arrays:
        if re.fullmatch(r"manifold(_data|_class_\d+)?", name):
            figures[name] = _draw_manifold(arrays, name)
        if re.fullmatch(r"traversal_z\d+", name):
            figures[name] = _draw_family(arrays, name, axis, classes)
    if "spread_names" in arrays:
        figures["curve_spread"] = _draw_spread(arrays, axis)
    if any(f"curve_{name}" in arrays for name in _POSE):
        figures["curve_pose"] = _draw_pose(arrays)
    return figures


def draw_line(axes: Axes, axis: Axis, curve: Floats, colour: str, **how: Any) -> None:
    """Draw a curve (C, 1, L); further channels are dashed, then dotted."""
    for channel, style in zip(curve[:, 0], ("-", "--", ":", "-.", *["-"] * 60), strict=False):
        axes.plot(axis.values, channel, style, color=colour, **how)


def _panels(n: int, axis: Axis, height: float = 1.15) -> tuple[Figure, list[Axes]]:
    """Small panels with common axes, the last row with the name of the axis."""
    columns = min(n, _COLUMNS)
    rows = -(-n // columns)
    figure = new_figure(8.6, height * rows + 0.6)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel in panels[n:]:
        panel.set_visible(False)
    figure.supxlabel(axis.label, fontsize=9)
    return figure, list(panels[:n])


def _draw_sample(curves: Floats, axis: Axis) -> Figure:
    some = curves[:_MOST]
    figure, panels = _panels(len(some), axis)
    for panel, curve in zip(panels, some, strict=True):
        draw_line(panel, axis, curve, INK, linewidth=0.8)
    return figure


def _draw_pairs(arrays: Arrays, name: str, axis: Axis, title: str) -> Figure:
    """Curves, their reconstructions and, below zero, what is left."""
    given, made = arrays[f"{name}_input"], arrays[f"{name}_output"]
    truth = arrays.get(f"{name}_truth")
    figure, panels = _panels(len(given), axis, 1.5)
    lowest = float(min(given.min(), made.min()))
    for i, panel in enumerate(panels):
        left = given[i] - made[i]
        base = lowest - 1.15 * float(np.abs(given - made).max())
        draw_line(panel, axis, given[i], _DATA, linewidth=0.7)
        draw_line(panel, axis, made[i], _MODEL, linewidth=1.2)
        draw_line(panel, axis, left + base, _RESIDUAL, linewidth=0.6)
        panel.axhline(base, color=FAINT, linewidth=0.5)
        if truth is not None:
            draw_line(panel, axis, truth[i], INK, linewidth=0.6)
    lines = {"curve": _DATA, "model": _MODEL, "what is left, below": _RESIDUAL}
    lines |= {} if truth is None else {"truth": INK}
    marks = [mpl.lines.Line2D([], [], color=colour, label=key) for key, colour in lines.items()]
    figure.legend(handles=marks, loc="outside upper center", ncols=4)
    panels[0].set_title(title if len(panels) < 2 else "")
    return figure


def _draw_manifold(arrays: Arrays, name: str) -> Figure:
    """Curves decoded on a grid, each in a tile; all have one scale."""
    curves = arrays[name]
    rows, columns = curves.shape[:2]
    figure = new_figure(7.0 if rows > 1 else 9.0, 6.4 if rows > 1 else 1.7)
    axes = figure.subplots()
    low, high = float(curves.min()), float(curves.max())
    scaled = (curves[..., 0, :] - low) / max(high - low, 1e-12)  # (R, K, C, L)
    across = np.linspace((1 - _ROOM) / 2, (1 + _ROOM) / 2, curves.shape[-1])
    row = np.arange(rows)[:, None, None, None]
    y = row + (1 + _ROOM) / 2 - _ROOM * scaled
    x = np.arange(columns)[None, :, None, None] + across
    lines = np.stack([np.broadcast_to(x, y.shape), y], -1).reshape(-1, curves.shape[-1], 2)
    axes.add_collection(LineCollection(list(lines), colors=_MODEL, linewidths=1.0))
    axes.set(xlim=(0, columns), ylim=(rows, 0))
    axes.spines[:].set_visible(False)
    dimensions = arrays[f"{name}_dimensions"]
    axis_ticks(axes.xaxis, arrays[f"{name}_column_axis"])
    axes.set_xlabel(f"z{int(dimensions[0]) + 1}")
    axes.set_yticks([])
    if len(dimensions) > 1:
        axis_ticks(axes.yaxis, arrays[f"{name}_row_axis"])
        axes.set_ylabel(f"z{int(dimensions[1]) + 1}", rotation=0, labelpad=10)
    return figure


def _draw_family(arrays: Arrays, name: str, axis: Axis, classes: Sequence[str]) -> Figure:
    """Curves along one dimension, coloured by it; a panel for each class."""
    curves, along = arrays[name], arrays[f"{name}_axis"]
    by_class = curves.ndim == 5
    families = curves if by_class else curves[None]
    figure, panels = _panels(len(families), axis, 2.6 if len(families) < 3 else 1.8)
    if not by_class:
        figure.set_size_inches(5.6, 3.4)
    norm, colours = Normalize(float(along.min()), float(along.max())), mpl.colormaps["viridis"]
    for j, (panel, family) in enumerate(zip(panels, families, strict=True)):
        for value, curve in zip(along, family, strict=True):
            colour = mpl.colors.to_hex(colours(0.95 * norm(value)))
            draw_line(panel, axis, curve, colour, linewidth=1.1)
        if by_class and len(classes) == len(families):
            panel.set_title(classes[j])
    bar = mpl.cm.ScalarMappable(norm, colours)
    figure.colorbar(bar, ax=panels, label=name.removeprefix("traversal_"), aspect=30, pad=0.01)
    return figure


def _draw_spread(arrays: Arrays, axis: Axis) -> Figure:
    """Mean and sd of each class: of the curves above, of the model's without their pose below."""
    names = [str(name) for name in arrays["spread_names"]]
    columns = min(len(names), _COLUMNS)
    figure = new_figure(max(2.0 * columns, 4.0) + 0.6, 3.9)
    panels = figure.subplots(2, columns, sharex=True, sharey="row", squeeze=False)
    kinds = (("curves", "as measured"), ("canonical", "pose taken out"))
    for row, (key, label) in zip(panels, kinds, strict=True):
        mean, sd = arrays[f"spread_{key}_mean"], arrays[f"spread_{key}_sd"]
        for j, (panel, colour) in enumerate(zip(row, class_colours(len(names)), strict=False)):
            for one, around in zip(mean[j, :, 0], sd[j, :, 0], strict=True):
                band = (one - around, one + around)
                panel.fill_between(axis.values, *band, color=colour, alpha=0.3, linewidth=0)
                panel.plot(axis.values, one, color=colour, linewidth=1.2)
        row[0].set_ylabel(label)
    for panel, name in zip(panels[0], names, strict=False):
        panel.set_title(name)
    figure.supxlabel(axis.label, fontsize=9)
    return figure


# array → name of the latent, and the factor that it stands for
_POSE = {"shift": "position", "scale": "width", "gain": "height", "offset": "offset"}


def _draw_pose(arrays: Arrays) -> Figure:
    """Each latent of the pose against its true factor; its histogram where that is unknown."""
    own = {name: arrays[f"curve_{name}"] for name in _POSE if f"curve_{name}" in arrays}
    figure = new_figure(2.7 * len(own) + 0.4, 2.8)
    panels = figure.subplots(1, len(own), squeeze=False)[0]
    unit = str(arrays["curve_axis_label"])
    label = arrays["latent_label"]
    for panel, (name, values) in zip(panels, own.items(), strict=True):
        truth = arrays.get(f"factor_{_POSE[name]}")
        title = f"{name} along {unit}" if name == "shift" else name
        if truth is None or not np.ptp(truth[np.isfinite(truth)]) > 0:
            panel.hist(values, bins=60, color=_MODEL)
            panel.set(xlabel=title, ylabel="curves")
            continue
        for j in np.unique(label):
            rows = label == j
            colours = class_colours(int(label.max()) + 1) if j >= 0 else [_MODEL]
            scatter(panel, truth[rows], values[rows], c=colours[max(int(j), 0)])
        panel.set(xlabel=f"true {_POSE[name]}", ylabel=title)
        if name in ("scale", "gain"):
            panel.set(xscale="log", yscale="log")
            for one in (panel.xaxis, panel.yaxis):  # without the powers of mathematical text
                one.set_major_locator(LogLocator(subs=(1, 2, 5)))
                one.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
                one.set_minor_formatter(NullFormatter())
    return figure
