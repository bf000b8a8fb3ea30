"""Figures of a tuning study: history of the objective, importance of each key, slices.

Those of optuna.visualization need pyplot and Optuna's own numbers, which count replaced trials.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from vaerun.evaluation.figures.style import INK, SIX, UNKNOWN, house_style, new_figure

Floats = npt.NDArray[np.floating]

_PANELS_A_ROW = 4
_DONE, _PRESET = SIX[0], SIX[1]

# A study has T trials; the value of a trial without one is NaN.


def draw_history(
    value: Floats, name: str, *, less_is_better: bool, preset: int | None = None
) -> Figure:
    """Draw the value (T,) of each trial in order, and the best so far.

    `name` is that of the objective, `preset` the index of the trial with the preset's settings.
    """
    with house_style():
        figure = new_figure(6.4, 3.2)
        axes = figure.subplots()
        number = np.arange(len(value))
        valid = np.isfinite(value)
        best = (np.fmin if less_is_better else np.fmax).accumulate(value)
        label = f"best so far  {best[-1]:.4g}".replace("-", "−")
        axes.step(number, best, where="post", color=INK, lw=1.2, label=label)
        axes.plot(number[valid], value[valid], "o", ms=5, color=_DONE, label="a trial")
        if not valid.all():
            at_bottom = axes.get_xaxis_transform()
            axes.plot(number[~valid], np.full((~valid).sum(), 0.02), "|", ms=8, color=UNKNOWN,
                      transform=at_bottom, label="ended early or failed")  # fmt: skip
        if preset is not None and valid[preset]:
            axes.plot(preset, value[preset], "D", ms=7, color=_PRESET, label="the preset")
        axes.set_xlabel("trial")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        figure.legend(loc="outside upper left", ncols=4)
        return figure


def draw_importance(importance: Mapping[str, float], name: str) -> Figure:
    """Draw the importance of each key for the objective, a share of 1, the largest on top."""
    with house_style():
        order = sorted(importance, key=lambda key: importance[key])
        figure = new_figure(6.4, 0.32 * len(order) + 0.9)
        axes = figure.subplots()
        bars = axes.barh(order, [importance[key] for key in order], color=_DONE, height=0.65)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axes.set_xlabel(f"share in {name}")
        axes.margins(x=0.12)
        axes.tick_params(axis="y", length=0)
        return figure


def draw_slices(
    settings: Mapping[str, Sequence[float | str]],
    value: Floats,
    name: str,
    logarithmic: Sequence[str],
) -> Figure:
    """Draw the value of each trial by each key, a panel a key; later trials are darker.

    `settings` has T numbers or words of each key; `logarithmic` names the keys with such an axis.
    """
    with house_style():
        columns = min(len(settings), _PANELS_A_ROW)
        rows = -(-len(settings) // columns)
        figure = new_figure(2.5 * columns + 0.5, 2.3 * rows)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        valid = np.isfinite(value)
        shade = np.linspace(0.15, 1, len(value))
        for axes in grid.flat[len(settings) :]:
            axes.set_visible(False)
        for axes, (key, tried) in zip(grid.flat, settings.items(), strict=False):
            words = sorted({one for one in tried if isinstance(one, str)})
            x = np.array([words.index(one) if isinstance(one, str) else one for one in tried])
            if key in logarithmic:
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
                axes.xaxis.set_major_formatter("{x:g}")
                axes.xaxis.set_minor_locator(NullLocator())
            axes.scatter(x[valid], value[valid], c=shade[valid], cmap=_shades(), vmin=0, vmax=1,
                         s=22, linewidths=0)  # fmt: skip
            if words:
                axes.set_xticks(range(len(words)), labels=words)
                axes.margins(x=0.2)
            axes.set_title(key, fontsize=8.5)
            axes.grid(axis="y")
        for axes in grid[:, 0]:
            axes.set_ylabel(name)
        return figure


def _shades() -> mpl.colors.Colormap:
    return mpl.colors.LinearSegmentedColormap.from_list("later", ["#d5e1f7", "#173a80"])
