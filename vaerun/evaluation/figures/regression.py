"""Figure of an inferred target: against the truth, with its spread, and how true the spread is."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from vaerun.evaluation.figures.pose import BLUE
from vaerun.evaluation.figures.style import FAINT, new_figure, scatter
from vaerun.evaluation.metrics.regression import WITHIN_SD, coverage
from vaerun.utils.arrays import evenly

Floats = npt.NDArray[np.floating]

# N images.

_MOST_BARS = 200  # images whose spread is drawn


def draw_target_vs_truth(truth: Floats, mean: Floats, sd: Floats, name: str) -> Figure:
    """Inferred against true targets (N,), and the coverage of their intervals.

    The spread of an even selection of images is drawn as bars of one sd to either side.
    """
    figure = new_figure(8.0, 3.7)
    left, right = figure.subplots(1, 2)
    scatter(left, truth, mean, c=np.full(len(truth), BLUE))
    some = evenly(len(truth), _MOST_BARS)
    left.errorbar(truth[some], mean[some], sd[some], fmt="none", ecolor=BLUE, alpha=0.35, lw=0.8)
    ends = [float(truth.min()), float(truth.max())]
    left.plot(ends, ends, color="#22262b", linewidth=0.9)
    left.set(xlabel=f"true {name}", ylabel=f"inferred {name}, ± 1 sd")
    left.grid()
    expected = np.linspace(0, 1, 101)
    right.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2)
    right.plot(expected, coverage(truth, mean, sd, expected), color=BLUE, linewidth=1.6)
    right.axvline(WITHIN_SD, color=FAINT, linewidth=0.7)
    right.text(WITHIN_SD + 0.02, 0.02, "1 sd", color="#6b7280", fontsize=8)
    right.set(
        xlabel="share expected in the interval",
        ylabel="share of true values in it",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    right.set_aspect("equal")
    right.grid()
    return figure
