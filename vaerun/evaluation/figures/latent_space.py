"""Figures of the latent space: scatter plots by class and factor, and the density."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from vaerun.evaluation.figures.style import (
    UNKNOWN,
    angle_colours,
    class_key,
    colours_of,
    degree_bar,
    flag_colours,
    new_figure,
    scatter,
    value_colours,
)
from vaerun.evaluation.metrics.summary import is_flag
from vaerun.models.latent_traversal import widest_dimensions

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

# N images, d content dimensions, G cells along each side of a density.

CELLS = 240
PANEL = 3.5  # inches


def draw_latent_distribution(
    z: Floats,
    labels: Mapping[str, Ints],
    angles: Mapping[str, Floats],
    values: Mapping[str, Floats],
    classes: Sequence[str],
    period_deg: float = 360.0,
) -> Figure:
    """Content (N, d) of every image, with one panel for each label and quantity.

    Parameters
    ----------
    z
        The two dimensions of largest variance are drawn.
    labels, angles, values
        Title to class, angle in degrees or other quantity of each image, (N,); −1 or NaN where
        unknown.
    classes
        Names of the classes.
    period_deg
        Period of the angles.
    """
    x, y, names = _coordinates(z)
    titles = [*labels, *angles, *values]
    figure, panels = _panels(len(titles))
    for axes, title in zip(panels, titles, strict=False):
        _set_axes(axes, x, y, names)
        axes.set_title(title)
    by_title = dict(zip(titles, panels, strict=False))
    for title, label in labels.items():
        scatter(by_title[title], x, y, c=colours_of(label, len(classes)))
    for title, angle in angles.items():
        colours = angle_colours(angle, period_deg)
        bar = _scatter_with_bar(figure, by_title[title], x, y, angle, colours)
        degree_bar(bar, period_deg)
    for title, value in values.items():
        flag = is_flag(value)
        colours = flag_colours() if flag else value_colours(value)
        bar = _scatter_with_bar(figure, by_title[title], x, y, value, colours)
        if flag:
            bar.set_ticks([0, 1])
    if not titles:
        _set_axes(panels[0], x, y, names)
        scatter(panels[0], x, y, c="#3f6fb5")
    if labels and classes:
        unknown = any(bool((label < 0).any()) for label in labels.values())
        class_key(figure, classes, grey="unknown" if unknown else None)
    return figure


def _scatter_with_bar(
    figure: Figure,
    axes: Axes,
    x: Floats,
    y: Floats,
    value: Floats,
    colours: tuple[Colormap, Normalize],
) -> Colorbar:
    """Draw points coloured by a quantity, grey where it is unknown, and a colour bar."""
    cmap, norm = colours[0].with_extremes(bad=UNKNOWN), colours[1]
    scatter(axes, x, y, c=value, cmap=cmap, norm=norm, plotnonfinite=True)
    scale = ScalarMappable(norm, cmap)
    return figure.colorbar(scale, ax=axes, shrink=0.85, aspect=28, pad=0.02)


def _panels(n: int) -> tuple[Figure, list[Axes]]:
    """A figure with n panels, at least one, up to three in a row."""
    n = max(n, 1)
    columns = min(n, 3 if n != 4 else 2)
    rows = -(-n // columns)
    figure = new_figure(PANEL * columns + 1.0, PANEL * rows * 0.92 + 0.2)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[n:]:
        spare.set_axis_off()
    return figure, axes[:n]


def draw_latent_density(z: Floats) -> Figure:
    """Kernel density of the content over two dimensions; a curve if d = 1."""
    if z.shape[1] == 1:
        return _density_curve(z[:, 0])
    i, j = widest_dimensions(z)
    (low_x, high_x), (low_y, high_y) = _limits(z[:, i]), _limits(z[:, j])
    box = [[low_x, high_x], [low_y, high_y]]
    counts = np.histogram2d(z[:, i], z[:, j], bins=CELLS, range=box)[0]
    area = (high_x - low_x) * (high_y - low_y) / CELLS**2
    # a third of Scott's N^(−1/6), which is for one normal: contents are often thin curves
    width = [0.33 * len(z) ** (-1 / 6) * z[:, a].std() * CELLS / (high - low)
             for a, (low, high) in ((i, box[0]), (j, box[1]))]  # fmt: skip
    density = gaussian_filter(counts, width) / (len(z) * area)
    figure = new_figure(5.4, 4.4)
    axes = figure.subplots()
    image = axes.imshow(
        np.sqrt(density.T),
        origin="lower",
        extent=(low_x, high_x, low_y, high_y),
        cmap="magma",
        aspect="auto",
        interpolation="bilinear",
    )
    bar = figure.colorbar(image, ax=axes, aspect=28, pad=0.02, label="density")
    ticks = np.linspace(0, float(np.sqrt(density.max())), 5)
    bar.set_ticks(list(ticks), labels=[f"{t**2:.2g}" for t in ticks])
    axes.set(xlabel=f"z{i + 1}", ylabel=f"z{j + 1}", title="Density of the content")
    return figure


def _density_curve(z: Floats) -> Figure:
    low, high = _limits(z)
    counts, edges = np.histogram(z, bins=CELLS, range=(low, high), density=True)
    width = 0.33 * len(z) ** (-1 / 5) * max(float(z.std()), 1e-9) * CELLS / (high - low)
    smooth = gaussian_filter1d(counts, width)
    figure = new_figure(5.4, 3.0)
    axes = figure.subplots()
    middle = (edges[1:] + edges[:-1]) / 2
    axes.fill_between(middle, smooth, color=mpl.colormaps["magma"](0.55), alpha=0.35)
    axes.plot(middle, smooth, color=mpl.colormaps["magma"](0.4))
    axes.set(xlabel="z1", ylabel="density", title="Density of the content", ylim=(0, None))
    return figure


def _coordinates(z: Floats) -> tuple[Floats, Floats, tuple[str, str]]:
    """Both coordinates (N,) and their names; with d = 1 the second is random."""
    dimensions = widest_dimensions(z)
    x, first = z[:, dimensions[0]], f"z{dimensions[0] + 1}"
    if len(dimensions) == 1:
        return x, np.random.default_rng(0).uniform(-1, 1, len(z)), (first, "")
    return x, z[:, dimensions[1]], (first, f"z{dimensions[1] + 1}")


def _set_axes(axes: Axes, x: Floats, y: Floats, names: tuple[str, str]) -> None:
    """Set limits and labels of a panel; the limits leave out the last 0.1 % at each end."""
    axes.set_xlim(*_limits(x))
    axes.set_ylim(*_limits(y))
    axes.locator_params(axis="x", nbins=6)  # labels of narrow ranges are long
    axes.set_xlabel(names[0])
    if names[1]:
        axes.set_ylabel(names[1], rotation=0, labelpad=8)
    else:
        axes.set_yticks([])
    axes.grid()


def _limits(x: Floats) -> tuple[float, float]:
    low, high = np.quantile(x, [0.001, 0.999])
    room = max(0.06 * (high - low), 1e-3)
    return float(low - room), float(high + room)
