"""Real-space maps: patches of a micrograph as dots or squares, coloured by their encodings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, QuadMesh
from matplotlib.colors import ListedColormap, to_rgba_array
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from scipy.spatial import cKDTree

from vaerun.evaluation.figures.style import (
    INK,
    angle_colours,
    class_key,
    colours_of,
    degree_bar,
    new_figure,
    value_colours,
)
from vaerun.evaluation.metrics.circular import wrap

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Arrays = Mapping[str, npt.NDArray[Any]]

# N patches of a frame of H × W pixels.

SIDE = 5.6  # inches, of the longer side of the frame
BLEND = 0.65  # opacity of squares over the micrograph
WIDER = 1.7  # most that a long frame is wider than others
DOT = 0.85  # of the distance between neighbours: the micrograph shows between the dots
TAILS = 0.02  # share of the values beyond each end of the colour scale
DARKEST = 0.12  # of the colour map left out: as dark as the micrograph
LONGEST_NAME = 40
_VARIES = 0.1  # variance of a dimension of z in use: the colours of others show next to nothing

_IMAGE, _CONTENT = re.compile(r"frame_\d+_image"), re.compile(r"z\d+")
_OF_LABELS = {"class": "True class", "rings": "Rings about each atom found"}
_OF_CURVES = {
    "shift": "Encoded shift along",
    "scale": "Encoded scale",
    "gain": "Encoded gain",
    "offset": "Encoded offset",
    "error": "Reconstruction error",
}


@dataclass(frozen=True, kw_only=True)
class Micrograph:
    """A frame (H, W) uint8, and the centres (N, 2) of its patches, row and column in pixels."""

    image: npt.NDArray[np.uint8]
    centre: Floats
    pixel_nm: float | None
    name: str
    step: int = 1  # pixels of the frame that are one of the image


def draw_maps(arrays: Arrays, classes: Sequence[str], symmetry: int) -> dict[str, Figure]:
    """Every map ``frame_<f>_<quantity>`` of the arrays in `figures/arrays.npz`."""
    inferred = [str(name) for name in arrays.get("predicted_names", [])]
    figures = {}
    for frame in (name.removesuffix("_image") for name in arrays if _IMAGE.fullmatch(name)):
        own = {name.removeprefix(f"{frame}_"): values for name, values in arrays.items()
               if name.startswith(f"{frame}_")}  # fmt: skip
        ground = _micrograph(own)
        if "angle" in own:
            figures[f"{frame}_angle"] = draw_map_of_angles(ground, own["angle"], symmetry)
        for name in filter(_CONTENT.fullmatch, own):
            shown = name if np.nanvar(own[name]) > _VARIES else f"{name}, which hardly varies"
            figures[f"{frame}_{name}"] = draw_map_of_values(ground, own[name], shown)
        for name, title in _OF_CURVES.items():
            if name in own:
                shown = f"{title} {arrays['curve_axis_label']}" if name == "shift" else title
                figures[f"{frame}_{name}"] = draw_map_of_values(ground, own[name], shown)
        if "target_mean" in own:
            name = str(arrays["target_name"]).replace("_", " ")
            shown = f"Inferred {name}"
            figures[f"{frame}_target_mean"] = draw_map_of_values(ground, own["target_mean"], shown)
        if "change" in own and np.isfinite(own["change"]).any():
            figures[f"{frame}_change"] = _draw_change(ground, own["change"])
        for name, title in _OF_LABELS.items():
            if name in own:
                figures[f"{frame}_{name}"] = draw_map_of_classes(ground, own[name], classes, title)
        if "predicted" in own:
            figures[f"{frame}_predicted"] = draw_map_of_classes(
                ground, own["predicted"], inferred, "Predicted class"
            )
    return figures


def _draw_change(micrograph: Micrograph, change: Floats) -> Figure:
    """Dots coloured by how far z of an atom moves to the next frame; none where it is lost."""
    there = np.isfinite(change)
    seen = replace(micrograph, centre=micrograph.centre[there])
    return draw_map_of_values(seen, change[there], "Change of z to the next frame")


def _micrograph(own: Arrays) -> Micrograph:
    step = int(own.get("step", 1))  # pixels of a large frame that are one of the image
    return Micrograph(
        image=own["image"],
        centre=own["centre"] if step == 1 else (own["centre"] + 0.5) / step - 0.5,
        pixel_nm=step * float(own["pixel_nm"]) if "pixel_nm" in own else None,
        name=str(own["title"]),
        step=step,
    )


def draw_map_of_angles(micrograph: Micrograph, angle: Floats, symmetry: int) -> Figure:
    """Patches coloured by the encoded angle (N,), radians, modulo 360°/symmetry."""
    period_deg = 360 / symmetry
    value = np.rad2deg(wrap(angle, 2 * np.pi / symmetry))
    title = "Encoded angle" + (f" modulo {period_deg:g}°" if symmetry > 1 else "")
    figure, axes = _draw_micrograph(micrograph, title)
    cmap, norm = angle_colours(value, period_deg)
    bar = figure.colorbar(_marks(axes, micrograph, array=value, cmap=cmap, norm=norm), **_BAR)
    degree_bar(bar, period_deg)
    return figure


def draw_map_of_values(micrograph: Micrograph, value: Floats, title: str) -> Figure:
    """Patches coloured by a quantity (N,), over its range without the tails."""
    figure, axes = _draw_micrograph(micrograph, title)
    colours, norm = value_colours(value, TAILS)
    cmap = ListedColormap(colours(np.linspace(DARKEST, 1, 256)))
    marks = _marks(axes, micrograph, array=value, cmap=cmap, norm=norm)
    figure.colorbar(marks, extend="both", **_BAR)
    return figure


def draw_map_of_classes(
    micrograph: Micrograph, label: Ints, classes: Sequence[str], title: str
) -> Figure:
    """Patches coloured by class (N,), grey for none (−1)."""
    figure, axes = _draw_micrograph(micrograph, title)
    _marks(axes, micrograph, facecolors=colours_of(label, len(classes)))
    class_key(figure, classes, grey="none" if (label < 0).any() else None)
    return figure


_BAR: dict[str, Any] = {"shrink": 0.85, "aspect": 32, "pad": 0.02}


def _draw_micrograph(micrograph: Micrograph, title: str) -> tuple[Figure, Axes]:
    """A figure of the micrograph in grey, with title and scale bar."""
    height, width = micrograph.image.shape
    longer, shorter = max(height, width), min(height, width)
    inches = SIDE * np.clip(longer / shorter / 2, 1, WIDER) / longer
    figure = new_figure(max(inches * width, 2.4) + 1.1, inches * height + 0.65)
    axes = figure.subplots()
    axes.imshow(micrograph.image, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    name = micrograph.name
    short = name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]
    axes.set_title(f"{title}, {short}" if short else title)
    _scale_bar(axes, width, micrograph.pixel_nm, micrograph.step)
    return figure, axes


def _scale_bar(axes: Axes, width_px: int, pixel_nm: float | None, step: int) -> None:
    """Add a scale bar below the picture, about a fifth as long."""
    unit, pixel = ("pixels", float(step)) if pixel_nm is None else ("nm", pixel_nm)
    length = nice_length(0.22 * width_px * pixel)
    bar = AnchoredSizeBar(
        axes.transData,
        length / pixel,
        f"{length:g} {unit}",
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=axes.transAxes,
        borderpad=0,
        pad=0.4,
        sep=4,
        frameon=False,
        color=INK,
        size_vertical=width_px / 180,
    )
    axes.add_artist(bar)


def nice_length(most: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that is not above ``most``."""
    power = 10.0 ** np.floor(np.log10(most))
    steps = power * np.array([1, 2, 5])
    return float(steps[steps <= most * (1 + 1e-9)].max())


def _marks(axes: Axes, micrograph: Micrograph, **colour: Any) -> EllipseCollection | QuadMesh:
    """Add a dot at each patch, or filled squares where patches are on a grid."""
    grid = _grid(micrograph.centre)
    if grid is not None:
        return _squares(axes, micrograph, grid, **colour)
    return _dots(axes, micrograph, **colour)


def _dots(axes: Axes, micrograph: Micrograph, **colour: Any) -> EllipseCollection:
    diameter = np.full(len(micrograph.centre), _diameter(micrograph))
    dots = EllipseCollection(
        diameter,
        diameter,
        np.zeros_like(diameter),
        units="xy",
        offsets=micrograph.centre[:, ::-1],
        offset_transform=axes.transData,
        linewidths=0,
        **colour,
    )
    axes.add_collection(dots, autolim=False)
    return dots


def _squares(
    axes: Axes, micrograph: Micrograph, grid: tuple[Floats, Floats], **colour: Any
) -> QuadMesh:
    """Add a square around each patch of a grid, through which the micrograph is seen."""
    rows, columns = grid
    order = np.lexsort((micrograph.centre[:, 1], micrograph.centre[:, 0]))
    edges = [_edges(axis) for axis in (columns, rows)]
    if "facecolors" in colour:
        faces = to_rgba_array(colour["facecolors"])[order].reshape(len(rows), len(columns), 4)
        return axes.pcolormesh(*edges, faces, alpha=BLEND, rasterized=True, linewidth=0)
    values = np.asarray(colour.pop("array"))[order].reshape(len(rows), len(columns))
    return axes.pcolormesh(*edges, values, alpha=BLEND, rasterized=True, linewidth=0, **colour)


def _edges(middles: Floats) -> Floats:
    """Edges (n + 1,) of squares around equidistant middles (n,), two or more."""
    step = middles[1] - middles[0]
    return np.append(middles, middles[-1] + step) - step / 2


def _grid(centre: Floats) -> tuple[Floats, Floats] | None:
    """Rows and columns of the grid on which all centres (N, 2) are; None unless it is full."""
    axes = [np.unique(np.round(axis.astype(np.float64), 2)) for axis in centre.T]
    if min(map(len, axes)) < 2 or len(axes[0]) * len(axes[1]) != len(centre):
        return None
    even = all(np.ptp(np.diff(axis)) < 0.1 for axis in axes)
    return (axes[0], axes[1]) if even else None


def _diameter(micrograph: Micrograph) -> float:
    """Diameter of a dot, pixels of the frame, such that dots hardly overlap."""
    side = max(micrograph.image.shape)
    centre = np.unique(micrograph.centre, axis=0)
    if len(centre) < 2:
        return side / 30
    distance, _ = cKDTree(centre).query(centre, k=[2])
    return float(np.clip(DOT * np.median(distance), side / 200, side / 12))
