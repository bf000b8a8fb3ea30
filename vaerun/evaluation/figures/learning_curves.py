"""Learning curves and the confusion matrix."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vaerun.evaluation.figures.style import INK, SIX, new_figure

Floats = npt.NDArray[np.floating]

# E epochs, J classes.

TITLES = {"loss": "Loss", "reconstruction": "Reconstruction", "kl": "Divergence from the priors"}
COLOURS = {"train": "#9db4d6", "val": SIX[2]}
BELOW = (0.5, -0.2)  # of the axes: the key of the curves, where it covers none of them
SPLITS = {"train": "training", "val": "validation"}


def draw_learning_curve(epoch: Floats, curves: Mapping[str, Floats]) -> Figure:
    """Loss, reconstruction and KL terms by epoch (E,), counted from 1.

    The curves map ``<split>_<term>`` to (E,) nats per image, NaN where not measured.
    """
    panels = {kind: [name for name in curves if _kind(name) == kind] for kind in TITLES}
    panels = {kind: names for kind, names in panels.items() if names}
    figure = new_figure(3.6 * len(panels) + 0.3, 3.5)
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (kind, names) in zip(all_axes, panels.items(), strict=True):
        shades = iter(SIX)
        for name in names:
            split, term = name.split("_", 1)
            colour = next(shades) if kind == "kl" else COLOURS[split]
            label = term.removeprefix("kl_") if kind == "kl" else SPLITS[split]
            _curve(axes, epoch, curves[name], colour, label)
        limit_to_usual(axes, [curves[name] for name in names])
        axes.set_title(TITLES[kind])
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        columns = len(names) if len(names) < 4 else 2
        axes.legend(loc="upper center", bbox_to_anchor=BELOW, ncols=columns)
    all_axes[0].set_ylabel("nats per image")
    return figure


def _kind(name: str) -> str | None:
    """The panel of a curve; None for training terms other than the loss, which are not drawn."""
    split, term = name.split("_", 1)
    if term == "loss":
        return "loss"
    return (term if term == "reconstruction" else "kl") if split == "val" else None


def _curve(axes: Axes, epoch: Floats, values: Floats, colour: str, label: str) -> None:
    """Draw one line, with its last value in its label."""
    finite = np.isfinite(values)
    last = f"  {values[finite][-1]:.4g}".replace("-", "−") if finite.any() else ""
    mark = "o" if finite.sum() < 3 else None
    axes.plot(epoch[finite], values[finite], color=colour, marker=mark, label=f"{label}{last}")


def limit_to_usual(axes: Axes, all_values: Sequence[Floats]) -> None:
    """Limit the y axis where the first steep epochs would flatten the rest."""
    values = np.concatenate(all_values)
    values = values[np.isfinite(values)]
    if len(values) < 8:
        return
    low, usual, high = values.min(), np.quantile(values, 0.75), values.max()
    if high - low > 5 * (usual - low) > 0:
        axes.set_ylim(low - 0.3 * (usual - low), low + 4 * (usual - low))


def draw_confusion(
    counts: Floats, classes: Sequence[str], groups: Sequence[int] | None = None
) -> Figure:
    """True classes (rows) against predicted ones (columns), as shares of each true class.

    Parameters
    ----------
    counts
        (J, J') numbers of images.
    classes, groups
        Names of the J true classes; numbers of J' classes predicted by a model without labels.
    """
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    n, n_columns = counts.shape
    side = [float(np.clip(0.55 * k, 2.6, 8)) for k in (n_columns, n)]
    figure = new_figure(side[0] + 1.5, side[1] + 1.0)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = list(classes) if len(classes) == n else [str(j) for j in range(n)]
    columns = names if groups is None else [str(j) for j in groups]
    slant = 45 if n_columns > 4 and max(map(len, columns)) > 3 else 0
    axes.set_xticks(np.arange(n_columns), labels=columns, rotation=slant)
    axes.set_yticks(np.arange(n), labels=names)
    axes.set_xlabel("predicted" if groups is None else "predicted class number")
    axes.set_ylabel("true")
    for i, j in np.argwhere(share >= 0.005) if n <= 20 else []:
        ink = "white" if share[i, j] > 0.6 else INK
        axes.text(j, i, f"{share[i, j]:.2f}", ha="center", va="center", color=ink, fontsize=8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    return figure
