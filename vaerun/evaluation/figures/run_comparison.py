"""Figures of several runs side by side."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from vaerun.evaluation.figures.images import mosaic
from vaerun.evaluation.figures.style import class_colours, house_style, new_figure

Floats = npt.NDArray[np.floating]

_PANELS_A_ROW = 3
_NAME_WIDTH = 28  # characters a line


def draw_metrics(
    titles: Sequence[str], metrics: Mapping[str, Sequence[Sequence[float]]]
) -> Figure:
    """One panel a metric: a row for each group of runs, a point a run, a bar at the mean.

    The metrics map a name to the values in the runs of each of G groups, some of them empty.
    """
    with house_style():
        n, n_groups = len(metrics), len(titles)
        columns = min(n, _PANELS_A_ROW)
        rows = -(-n // columns)
        names = ["\n".join(textwrap.wrap(title, _NAME_WIDTH)[:4]) for title in titles]
        lines = sum(max(name.count("\n") + 1, 2) for name in names)
        figure = new_figure(3.1 * columns + 1.8, rows * (0.19 * lines + 0.65))
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        colours = class_colours(n_groups)
        for axes in grid.flat[n:]:
            axes.set_visible(False)
        for axes, (metric, of_groups) in zip(grid.flat, metrics.items(), strict=False):
            for i, values in enumerate(of_groups):
                if len(values):
                    axes.plot([np.mean(values)] * 2, [i - 0.3, i + 0.3], color=colours[i], lw=2)
                    axes.plot(values, [i] * len(values), "o", ms=5, color=colours[i], alpha=0.75)
            axes.set_title(metric)
            axes.set_yticks(range(n_groups), labels=names)
            axes.set_ylim(n_groups - 0.5, -0.5)
            axes.grid(axis="x")
            axes.margins(x=0.1)
            axes.locator_params(axis="x", nbins=4)
        return figure


def draw_manifolds(titles: Sequence[str], manifolds: Sequence[Floats]) -> Figure:
    """Decoded images (R, K, C, H, W) over the latent plane of each group, side by side."""
    with house_style():
        columns = min(len(titles), _PANELS_A_ROW)
        rows = -(-len(titles) // columns)
        names = ["\n".join(textwrap.wrap(title, 40)[:3]) for title in titles]
        head = 0.2 * max(name.count("\n") + 1 for name in names) + 0.1
        figure = new_figure(3.1 * columns, rows * (3.0 + head))
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, name, images in zip(grid.flat, names, manifolds, strict=False):
            axes.imshow(mosaic(images), cmap="gray", vmin=0, vmax=1)
            axes.set_title(name)
        return figure
