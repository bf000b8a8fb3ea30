"""The scaling figure, and what the page says of it, from the numbers in benchmarks.json."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.scaling import PEER
from vaerun.evaluation.figures.style import SIX, house_style
from vaerun.utils.files import atomic_path

FIGURE = "docs/scaling.png"  # beside BENCHMARKS.md
DPI = 120  # 1,200 pixels wide
STYLE: dict[str, dict[str, Any]] = {
    "vae": {"color": SIX[0], "marker": "o"},
    "rvae": {"color": SIX[2], "marker": "o"},
    "jrvae": {"color": SIX[1], "marker": "o"},
    PEER: {"color": "#5b636d", "marker": "s", "linestyle": "--"},
}
NAMES = {PEER: "pyroVED's rVAE"}
Numbers = Mapping[str, float]


def _speed(point: Mapping[str, Any]) -> Numbers | None:
    return point["images_per_second"]


def _memory(point: Mapping[str, Any]) -> Numbers | None:
    return point["peak_gb"]


def _cost(point: Mapping[str, Any]) -> Numbers | None:
    """Microseconds an image."""
    speed = point["images_per_second"]
    return speed and {key: 1e6 / value for key, value in speed.items()}


class Panel(NamedTuple):
    """What a panel shows: y of the points of an axis."""

    axis: str
    title: str
    x_label: str
    y: Callable[[Mapping[str, Any]], Numbers | None]
    y_label: str


PANELS = (
    Panel("side", "Pixels", "side of the image, pixels", _speed, "images/s"),
    Panel("side", "Memory", "side of the image, pixels", _memory, "peak memory, GB"),
    Panel("n_images", "Number of images", "images an epoch", _cost, "µs an image"),
    Panel("bins", "Rotation bins", "bins K", _speed, "images/s"),
    Panel("classes", "Classes", "classes J (1: the rvae)", _speed, "images/s"),
    Panel("latents", "Latents", "latent dimensions", _speed, "images/s"),
)


def drawn(points: list[dict[str, Any]]) -> Figure:
    """The figure of the points that `bench.scaling.over_rounds` returns; gaps stay open."""
    with house_style():
        figure = Figure(figsize=(10, 5.8), layout="constrained")
        for axes, panel in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
            _draw(axes, panel, [point for point in points if point["axis"] == panel.axis])
        lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
        handles = [lines[name] for s in STYLE if (name := NAMES.get(s, s)) in lines]
        if handles:
            figure.legend(handles=handles, loc="outside upper center",
                          ncols=len(handles), handlelength=3)  # fmt: skip
    return figure


def write_figure(points: list[dict[str, Any]], folder: Path) -> None:
    """Draw the figure into its place below the folder of BENCHMARKS.md."""
    file = folder / FIGURE
    file.parent.mkdir(parents=True, exist_ok=True)
    with house_style(), atomic_path(file) as target:
        drawn(points).savefig(target, dpi=DPI, format="png")


def _draw(axes: Axes, panel: Panel, points: list[dict[str, Any]]) -> None:
    axes.set(xscale="log", yscale="log", title=panel.title, xlabel=panel.x_label,
             ylabel=panel.y_label)  # fmt: skip
    shown: list[float] = []
    for series, style in STYLE.items():
        of = sorted((p for p in points if p["series"] == series), key=lambda p: p["x"])
        y = [panel.y(point) for point in of]
        if not any(y):
            continue
        median, low, high = (
            np.array([np.nan if v is None else v[key] for v in y])
            for key in ("median", "least", "most")
        )
        low, high = np.minimum(low, high), np.maximum(low, high)  # a cost is least at most speed
        x = [point["x"] for point in of]
        axes.plot(x, median, label=NAMES.get(series, series), markersize=4, linewidth=1.4, **style)
        axes.vlines(x, low, high, color=style["color"], linewidth=1)
        shown += [*low[np.isfinite(low)], *high[np.isfinite(high)]]
    axes.xaxis.set_minor_locator(NullLocator())
    ticks = sorted({point["x"] for point in points})
    axes.set_xticks(ticks, labels=[f"{x // 1000}k" if x >= 1000 else f"{x}" for x in ticks])
    if shown:
        _y_axis(axes, min(shown), max(shown))
    axes.grid(axis="y")


def _y_axis(axes: Axes, least: float, most: float) -> None:
    """Round numbers from below the least to above the most; more of them in a narrow range."""
    axes.set_ylim(least / 1.6, most * 1.6)
    is_wide = most / least > 30
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if is_wide else (1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: f"{y:,.0f}" if y >= 10 else f"{y:g}")
    )


def remark(run: Mapping[str, Any]) -> str:
    """What was noted of a run, as a sentence to add; empty without."""
    return f" {run['note'].rstrip('.')}." if run.get("note") else ""


def on_page(benchmark: Mapping[str, Any]) -> list[str]:
    """Figure and caption as Markdown, and why points are missing; nothing without the series.

    Parameters
    ----------
    benchmark
        What `bench.page.merged` returns.
    """
    series = benchmark.get("scaling")
    if series is None:
        return []
    run = benchmark["runs"][series["run"]]
    machine, sizes = run["machine"], run["sizes"]
    scales = sizes["scales"]
    missing = dict.fromkeys(p["missing"] for p in series["points"] if p["missing"])
    rounds = "1 round"
    if run["rounds"] > 1:
        rounds = f"{run['rounds']} rounds, the lines their medians, the bars their range"
    return [
        f"![Speed of training by side of the image, number of images, rotation bins, classes and"
        f" latents, and peak memory by side: vaerun and pyroVED]({FIGURE})",
        "",
        "<!-- --8<-- [start:scaling] -->",
        "",
        f"*How training scales. {machine['processor']} ({machine['model']}), threads of every"
        f" process: {machine['threads']}; {run['date']} (UTC); {rounds}; run"
        f" {series['run'] + 1}.{remark(run)}* One thing is varied"
        " in each panel, all else is the default: cards iv of 48×48 pixels, batches of"
        f" {sizes['batch']}, K = 8, no classes, 2 latents; vaerun's default networks and"
        " precision, pyroVED's rVAE as in the table. Epochs of"
        f" {scales['images']:,} images, of pyroVED {scales['peer_images']:,}, the same ones."
        f" Speed: steps alone, the median of {sizes['speed_epochs']} epochs, the first left out."
        " Memory: the peak of the process, its images included.",
        "",
        *(f"- A gap in the figure: {why}" for why in missing),
        *([""] if missing else []),
        "<!-- --8<-- [end:scaling] -->",
        "",
    ]
