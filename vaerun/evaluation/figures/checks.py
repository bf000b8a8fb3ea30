"""The picture beside each check of a run: its evidence at a glance."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.curve_pictures import are_curves
from vaerun.evaluation.figures.learning_curves import limit_to_usual
from vaerun.evaluation.figures.style import FAINT, INK, SIX, cyclic_map, new_figure, scatter

Arrays = Mapping[str, npt.NDArray[Any]]

_WIDTH, _HEIGHT = 3.4, 2.4  # inches
_GOOD, _BAD = SIX[0], SIX[2]
PREFIX = "check_"


def check_arrays(findings: Mapping[str, Finding]) -> dict[str, npt.NDArray[Any]]:
    """The evidence of all checks under the names that `draw_checks` reads."""
    return {
        f"{PREFIX}{name}_{key}": values
        for name, finding in findings.items()
        for key, values in finding.arrays.items()
    }


def draw_checks(arrays: Arrays) -> dict[str, Figure]:
    """The figure ``check_<name>`` of each check whose ``check_<name>_<array>`` are there."""
    figures = {}
    for name, drawn in _DRAWN.items():
        prefix = f"{PREFIX}{name}_"
        own = {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}
        if own:
            figures[f"{PREFIX}{name}"] = drawn(own)
    return figures


def _converged(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    epoch = own["epoch"]
    for name, colour in (("training", FAINT), ("validation", _GOOD)):
        axes.plot(epoch, own[name], color=colour, label=name, marker="." if len(epoch) < 8 else "")
    axes.axvspan(epoch[-1 - max(len(epoch) // 3, 1)] if len(epoch) > 1 else 0, epoch[-1],
                 color=FAINT, alpha=0.3, linewidth=0)  # fmt: skip
    limit_to_usual(axes, [own["training"], own["validation"]])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", ylabel="loss (nats)")
    axes.legend()
    return figure


def _invariances(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    axes.hist(own["angle"], bins=list(range(-180, 181, 10)), color=_GOOD)
    axes.set(xlabel="like images match when turned by (°)", ylabel="pairs", xlim=(-180, 180))
    axes.set_xticks([-180, -90, 0, 90, 180])
    return figure


def _pose_follows(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    turn = np.rad2deg(own["turn"])
    if np.ptp(turn) > 0:
        most = float(np.abs(turn).max())
        error = np.rad2deg((own["found"] - own["turn"] + np.pi) % (2 * np.pi) - np.pi)
        axes.plot([-most, most], [0, 0], color=INK, linewidth=0.7)
        scatter(axes, turn, error, c=np.where(own["off"] > 20, _BAD, _GOOD))
        axes.set(xlabel="turned by (°)", ylabel="error of the found angle (°)")
        axes.set_ylim(*(np.array([-1, 1]) * max(float(np.abs(error).max()) * 1.1, 5.0)))
    else:
        axes.hist(100 * own["z_change"], bins=30, color=_GOOD)
        axes.set(xlabel="z moves by (% of its spread)", ylabel="images")
    return figure


def _one_orientation(own: Arrays) -> Figure:
    figure, axes, z = _plane(own["z"])
    away = np.rad2deg(own["away"])
    drawn = axes.scatter(
        *z, c=away, cmap="twilight_shifted", vmin=-180, vmax=180, s=9, linewidths=0
    )
    figure.colorbar(
        drawn, ax=axes, label="turned against most others (°)", ticks=[-180, -90, 0, 90, 180]
    )
    return figure


def _plane(z: npt.NDArray[Any]) -> tuple[Figure, Axes, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """A figure for images in the two widest dimensions of z (n, d), and these (n,) each."""
    shown = np.sort(np.argsort(-z.var(0))[:2])
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    axes.set_xlabel(f"z{shown[0] + 1}")
    if len(shown) == 1:
        axes.set_yticks([])
        return figure, axes, (z[:, 0], np.zeros(len(z)))
    axes.set_ylabel(f"z{shown[1] + 1}")
    return figure, axes, (z[:, shown[0]], z[:, shown[1]])


def _pose_leak(own: Arrays) -> Figure:
    pose, name = own["pose"], str(own["name"])
    figure, axes, z = _plane(own["z"])
    is_angle = name == "angle"
    colour = np.rad2deg(np.arctan2(pose[:, 1], pose[:, 0])) if is_angle else pose[:, 0]
    colours = cyclic_map() if is_angle else "viridis"
    drawn = axes.scatter(*z, c=colour, cmap=colours, s=9, linewidths=0)
    figure.colorbar(drawn, ax=axes, label=f"found {name}{' (°)' if is_angle else ''}")
    return figure


def _latents_used(own: Arrays) -> Figure:
    variance = own["variance"]
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    numbers = np.arange(1, len(variance) + 1)
    axes.bar(numbers, variance, color=np.where(variance > 0.1, _GOOD, FAINT), width=0.7)
    axes.axhline(1.0, color=INK, linewidth=0.7, linestyle=":")
    axes.set(xlabel="dimension of z", ylabel="variance over images\n(prior: 1)")
    axes.set_xticks(numbers if len(numbers) <= 12 else numbers[:: len(numbers) // 8])
    return figure


def _classes_apart(own: Arrays) -> Figure:
    links = own["links"]
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    drawn = axes.imshow(links, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="class", ylabel="class of the most like")
    every = max(len(links) // 8, 1)
    axes.set_xticks(range(0, len(links), every))
    axes.set_yticks(range(0, len(links), every))
    figure.colorbar(drawn, ax=axes, label="share of likest images")
    return figure


def _noise_left(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    rows = [own["input"], own["output"], own["residual"]]
    n = min(len(rows[0]), 5)
    panels = figure.subplots(3, n, squeeze=False)
    most = float(np.abs(rows[2][:n]).max()) or 1.0
    for axes_row, images, name in zip(panels, rows, ("worst", "model", "left"), strict=True):
        for axes, image in zip(axes_row, images, strict=False):
            signed = name == "left"
            if are_curves(image):
                axes.plot(image[:, 0].T, linewidth=0.7)
                axes.set(xticks=[], yticks=[])
                continue
            axes.imshow(
                image.mean(0), cmap="RdBu_r" if signed else "gray",
                vmin=-most if signed else None, vmax=most if signed else None,
            )  # fmt: skip
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set_visible(False)
        axes_row[0].set_ylabel(name)
    return figure


def _truth_convention(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    scatter(axes, own["given"], own["found"], c=_GOOD)
    axes.set(xlabel=f"{own['name']}, as given", ylabel="found")
    return figure


def _better_than_mean(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    most = float(max(own["error"].max(), own["of_mean"].max()))
    axes.plot([0, most], [0, most], color=INK, linewidth=0.7)
    scatter(axes, own["of_mean"], own["error"], c=_GOOD)
    axes.set(xlabel="squared error of the mean target", ylabel="of the prediction")
    return figure


def _spread_true(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    away = np.linspace(0, 4, 81)
    axes.hist(own["away"].clip(0, 4), bins=list(away[::4]), density=True, color=_GOOD)
    normal = (2 / np.pi) ** 0.5 * np.exp(-0.5 * away**2)
    axes.plot(away, normal, color=INK, linewidth=0.9, label="expected")
    axes.set(xlabel="error, in predicted sd", yticks=[], xlim=(0, 4))
    axes.legend()
    return figure


def _prediction_stays(own: Arrays) -> Figure:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.subplots()
    axes.hist(100 * own["change"], bins=30, color=_GOOD)
    axes.set(xlabel="change of the prediction (% of the spread)", ylabel="inputs")
    return figure


_DRAWN: dict[str, Callable[[Arrays], Figure]] = {
    "converged": _converged,
    "better_than_mean": _better_than_mean,
    "spread_true": _spread_true,
    "prediction_stays": _prediction_stays,
    "invariances": _invariances,
    "pose_follows": _pose_follows,
    "one_orientation": _one_orientation,
    "pose_leak": _pose_leak,
    "latents_used": _latents_used,
    "classes_apart": _classes_apart,
    "noise_left": _noise_left,
    "truth_convention": _truth_convention,
}
