"""Everything that the page's script needs, as plain containers: points, pictures, frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

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
SHADES = 128  # of a palette that is no list of classes


def payload(explorer: Explorer) -> dict[str, Any]:
    """What the page knows of a run, but for the pictures of its images."""
    rows = points(explorer)
    known = [_kept(column, rows) for column in columns(explorer)]
    manifold = explorer.manifold
    parts = {
        "index": pack(explorer.encodings.index[rows]),
        "columns": [_column(column) for column in known],
        "axes": _axes(known, manifold),
        "colour": _first_colour(known),
        "palettes": _palettes(known),
        "manifold": None if manifold is None else _manifold(manifold, explorer),
    }
    return parts | _places(explorer, rows)


def points(explorer: Explorer) -> Ints:
    """Rows (n,) that become points, shuffled so that none hides the others.

    Images with a label to learn from are encoded as training images too: they are one point.
    Where there are too many, validation images come first.
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
    """Of text, four for three bytes: a number, 16 bits of each quantity, the place."""
    n_placed = 0 if explorer.encodings.place is None else 3
    return (4 + 2 * (len(columns(explorer)) + n_placed)) * 4 // 3


def _kept(column: Column, rows: Ints) -> Column:
    return Column(
        name=column.name,
        title=column.title,
        values=column.values[rows],
        names=column.names,
        period_deg=column.period_deg,
    )


def _column(column: Column) -> dict[str, Any]:
    about: dict[str, Any] = {"name": column.name, "title": column.title, "kind": column.kind}
    if column.kind == "class":
        about["names"] = list(column.names)
    else:
        about["limits"] = column.limits
    if column.kind == "angle":
        about["period"] = column.period_deg
    return about | {"values": pack(column.values)}


def _axes(known: Sequence[Column], manifold: Manifold | None) -> Mapping[str, str]:
    """The quantities to begin with: the dimensions that were decoded, else the first two."""
    names = [column.name for column in known if column.kind != "class"]
    first = [] if manifold is None else [f"z{i + 1}" for i in manifold.dimensions]
    across, up, *_ = dict.fromkeys([*first, *names, *names[:1]])
    return {"x": across, "y": up}


def _first_colour(known: Sequence[Column]) -> str:
    """The true class, if known; else the class, angle or error that there is."""
    names = [column.name for column in known]
    wanted = ("label", "predicted", "true_angle", "angle", "error")
    return next((name for name in wanted if name in names), names[0])


def _palettes(known: Sequence[Column]) -> dict[str, Any]:
    counts = {len(column.names) for column in known if column.names}
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
    kept = Pictures(
        rows=at[shown],
        images=given.images[shown],
        reconstructions=given.reconstructions[shown],
    )
    n, sheets = picture_sheets(kept, budget)
    return {"pictures": {"rows": pack(kept.rows[:n]), **sheets}}


def _manifold(manifold: Manifold, explorer: Explorer) -> dict[str, Any]:
    ends = [manifold.column_axis, manifold.row_axis][: len(manifold.dimensions)]
    axes = [
        {"name": f"z{i + 1}", "low": float(axis[0]), "high": float(axis[-1]), "n": len(axis)}
        for i, axis in zip(manifold.dimensions, ends, strict=True)
    ]
    # whose class says which of the images is meant
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


def _places(explorer: Explorer, rows: Ints) -> dict[str, Any]:
    """Where patches lie, and the frames to show them on."""
    place = explorer.encodings.place
    if place is None or not explorer.frames:
        return {"place": None, "frames": []}
    frames = micrographs(explorer.frames, explorer.encodings, FRAMES_BUDGET)
    in_nm = all(frame["pixel_nm"] is not None for frame in frames)
    shown = [{**frame, "pixel": frame["pixel_nm"] if in_nm else 1} for frame in frames]
    kept: dict[str, npt.NDArray[Any]] = {
        "frame": place.frame[rows],
        "row": place.centre[rows, 0],
        "column": place.centre[rows, 1],
    }
    return {
        "place": {name: pack(values) for name, values in kept.items()},
        "frames": sorted(shown, key=lambda frame: frame["number"]),
        "frame": shown[0]["number"],
        "unit": "nm" if in_nm else "pixels",
    }
