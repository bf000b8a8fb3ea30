"""Data of the page's scripts as plain containers: points, pictures, frames."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from vaerun.data.selection import SHORT
from vaerun.evaluation.figures.style import class_colours, cyclic_map
from vaerun.evaluation.report.explorer import Explorer, Ints, Manifold, Pictures
from vaerun.evaluation.report.micrograph_images import micrographs
from vaerun.evaluation.report.packing import pack
from vaerun.evaluation.report.point_columns import Column, columns
from vaerun.evaluation.report.thumbnails import manifold_sheet, picture_sheets
from vaerun.models.encodings import VALIDATION

# N images, of which n become points.

MOST_POINTS = 100_000
POINTS_BUDGET = 2_500_000  # bytes of text
FRAMES_BUDGET = 1_200_000  # bytes of text
SHADES = 128  # colours in the palette of a quantity


def payload(explorer: Explorer) -> dict[str, Any]:
    """Data of the page except for the pictures of single images."""
    rows = points(explorer)
    shown = [replace(column, values=column.values[rows]) for column in columns(explorer)]
    manifold = explorer.manifold
    names = [column.name for column in shown]
    colours = ("label", "predicted", "true_angle", "angle", "error")
    return {
        "index": pack(explorer.encodings.index[rows]),
        "source": f"sha256:{explorer.source[:SHORT]}" if explorer.source else "",
        "columns": [_column(column) for column in shown],
        "axes": _axes(shown, manifold),
        "colour": next((name for name in colours if name in names), names[0]),
        "palettes": _palettes(shown),
        "manifold": None if manifold is None else _manifold(manifold, explorer),
        **_patch_positions(explorer, rows),
    }


def points(explorer: Explorer) -> Ints:
    """Rows (n,) of the images that become points, shuffled so that no class hides the others.

    Labelled images are encoded as training images too: they are one point. Of too many images,
    those for validation come first.
    """
    encodings = explorer.encodings
    key = encodings.index * 2 + (encodings.split == VALIDATION)
    rows = np.unique(key, return_index=True)[1]
    rows = np.random.default_rng(0).permutation(rows)
    most = min(MOST_POINTS, POINTS_BUDGET // _bytes_of_a_point(explorer))
    if len(rows) > most:
        val_first = np.argsort(encodings.split[rows] != VALIDATION, kind="stable")
        rows = rows[np.sort(val_first[:most])]
    return rows


def _bytes_of_a_point(explorer: Explorer) -> int:
    """Length of a point in base64: its number, 16 bits of each quantity, its place."""
    n_placed = 0 if explorer.encodings.place is None else 3
    return (4 + 2 * (len(columns(explorer)) + n_placed)) * 4 // 3


def _column(column: Column) -> dict[str, Any]:
    packed: dict[str, Any] = {"name": column.name, "title": column.title, "kind": column.kind}
    if column.kind == "class":
        packed["names"] = list(column.names)
    else:
        packed["limits"] = column.limits
    if column.kind == "angle":
        packed["period"] = column.period_deg
    return packed | {"values": pack(column.values)}


def _axes(shown: Sequence[Column], manifold: Manifold | None) -> Mapping[str, str]:
    """Quantities on the axes at first: the dimensions that were decoded, else the first two."""
    names = [column.name for column in shown if column.kind != "class"]
    first = [] if manifold is None else [f"z{i + 1}" for i in manifold.dimensions]
    across, up, *_ = dict.fromkeys([*first, *names, *names[:1]])
    return {"x": across, "y": up}


def _palettes(shown: Sequence[Column]) -> dict[str, Any]:
    counts = {len(column.names) for column in shown if column.names}
    return {
        "value": _shades(mpl.colormaps["viridis"]),
        "round": _shades(cyclic_map()),
        "classes": {n: class_colours(n) for n in sorted(counts)},
    }


def _shades(colour_map: mpl.colors.Colormap) -> list[str]:
    return [mpl.colors.to_hex(colour) for colour in colour_map(np.linspace(0, 1, SHADES))]


def pictures(explorer: Explorer, budget: int) -> dict[str, Any]:
    """Images and reconstructions of points, as many as fit into ``budget`` bytes of text."""
    given = explorer.pictures
    if given is None:
        return {"pictures": None}
    rows = points(explorer)
    point_of = np.full(len(explorer.encodings), -1)
    point_of[rows] = np.arange(len(rows))
    at = point_of[given.rows]
    shown = np.flatnonzero(at >= 0)
    if not len(shown):
        return {"pictures": None}
    images, reconstructions = given.images[shown], given.reconstructions[shown]
    some = Pictures(rows=at[shown], images=images, reconstructions=reconstructions)
    n, sheets = picture_sheets(some, budget)
    return {"pictures": {"rows": pack(some.rows[:n]), **sheets}}


def _manifold(manifold: Manifold, explorer: Explorer) -> dict[str, Any]:
    ends = [manifold.column_axis, manifold.row_axis][: len(manifold.dimensions)]
    axes = [
        {"name": f"z{i + 1}", "low": float(axis[0]), "high": float(axis[-1]), "n": len(axis)}
        for i, axis in zip(manifold.dimensions, ends, strict=True)
    ]
    # the column whose class of a point selects among the decoded classes
    n = len(manifold.names)
    follows = "predicted" if n == len(explorer.predicted_names) else "label"
    if n == 1 or (follows == "label" and n != len(explorer.classes)):
        follows = ""
    return {
        "names": list(manifold.names),
        "axes": axes,
        "follows": follows,
        "sheet": manifold_sheet(manifold),
    }


def _patch_positions(explorer: Explorer, rows: Ints) -> dict[str, Any]:
    """Positions of patches, and the frames to show them on."""
    place = explorer.encodings.place
    if place is None or not explorer.frames:
        return {"place": None, "frames": []}
    frames = micrographs(explorer.frames, explorer.encodings, FRAMES_BUDGET)
    in_nm = all(frame["pixel_nm"] is not None for frame in frames)
    shown = [{**frame, "pixel": frame["pixel_nm"] if in_nm else 1} for frame in frames]
    arrays: dict[str, npt.NDArray[Any]] = {
        "frame": place.frame[rows],
        "row": place.centre[rows, 0],
        "column": place.centre[rows, 1],
    }
    return {
        "place": {name: pack(values) for name, values in arrays.items()},
        "frames": sorted(shown, key=lambda frame: frame["number"]),
        "frame": shown[0]["number"],
        "unit": "nm" if in_nm else "pixels",
        # pixels of the page over those in the user's files, by the number of the frame
        "scales": [frame.scale for frame in explorer.frames],
    }
