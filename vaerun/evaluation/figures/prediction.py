"""Figures of predictions: images or curves beside the truth, with the spread."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from vaerun.evaluation.figures.pose import BLUE
from vaerun.evaluation.figures.style import INK, new_figure

Floats = npt.NDArray[np.floating]

# n examples of C channels.

_COLUMNS = 4  # of panels of curves
_DATA = "#8a929c"


def draw_predicted_curves(
    truth: Floats | None, mean: Floats, sd: Floats, axis: Floats, label: str
) -> Figure:
    """Predicted curves (n, C, 1, L) as lines with a band of one sd, true ones as points."""
    columns = min(len(mean), _COLUMNS)
    rows = -(-len(mean) // columns)
    figure = new_figure(8.6, 1.5 * rows + 0.5)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel in panels[len(mean) :]:
        panel.set_visible(False)
    for i, panel in enumerate(panels[: len(mean)]):
        for channel, line in enumerate(mean[i, :, 0]):
            if truth is not None:
                panel.plot(axis, truth[i, channel, 0], ".", color=_DATA, markersize=2.5)
            width = sd[i, channel, 0]
            panel.fill_between(axis, line - width, line + width, color=BLUE, alpha=0.3, lw=0)
            panel.plot(axis, line, color=BLUE, linewidth=1.2)
    figure.supxlabel(label, fontsize=9)
    return figure


def draw_predicted_images(truth: Floats | None, mean: Floats, sd: Floats) -> Figure:
    """Rows of true and predicted images (n, C, H, W) and of the spread; the first channel."""
    rows = {"truth": truth, "predicted": mean, "sd": sd}
    shown = {name: images for name, images in rows.items() if images is not None}
    figure = new_figure(8.6, 0.85 * len(shown) + 0.2)
    panels = figure.subplots(len(shown), len(mean), squeeze=False)
    seen = mean if truth is None else truth
    low, high = float(seen.min()), float(seen.max())
    for row, (name, images) in zip(panels, shown.items(), strict=True):
        limits = (0, float(sd.max())) if name == "sd" else (low, high)
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image[0], cmap="gray", vmin=limits[0], vmax=limits[1])
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(name, color=INK, fontsize=8)
    return figure
