"""The interactive Bokeh plots, without data: the page's scripts fill in the points they share."""

from collections.abc import Mapping
from typing import Any

from bokeh.document import Document
from bokeh.model import Model
from bokeh.models import (
    AllIndices,
    BoxSelectTool,
    CDSView,
    ColumnDataSource,
    Filter,
    IndexFilter,
    LassoSelectTool,
    LinearColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

# Columns of the shared data that place a point in each plot.
PLANE, TURN, MAP = ("x", "y"), ("turn_x", "turn_y"), ("map_x", "map_y")

FADED = 0.06  # opacity of points that are not selected


def plots(n_points: int, *, turn: bool, frames: bool) -> dict[str, figure]:
    """The plots by name: latent plane and, if asked for, encoded against true angle and the map.

    The more points there are, the smaller they are drawn.
    """
    wanted = {"plane": PLANE} | ({"turn": TURN} if turn else {}) | ({"map": MAP} if frames else {})
    columns = [name for pair in wanted.values() for name in pair]
    points = ColumnDataSource({name: [] for name in [*columns, "colour"]}, name="points")
    mapper = LinearColorMapper(palette=["#000000"], name="mapper")
    size = min(max(90 / max(n_points, 1) ** 0.32, 2.6), 9)
    return {name: _plot(name, pair, points, mapper, size) for name, pair in wanted.items()}


def _plot(
    name: str,
    pair: tuple[str, str],
    points: ColumnDataSource,
    mapper: LinearColorMapper,
    size: float,
) -> figure:
    x, y = pair
    # lod_threshold=None: all points stay while panning, which WebGL is fast enough for
    plot = figure(
        name=name,
        output_backend="webgl",
        sizing_mode="stretch_both",
        min_border=4,
        x_range=Range1d(),
        y_range=Range1d(),
        toolbar_location="right",
        tools=[],
        lod_threshold=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    # a placeholder reserves the room for the labels that the script sets
    plot.axis.axis_label = "–"
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_text_font_size = "14px"
    plot.axis.major_label_text_font_size = "12px"
    plot.axis.minor_tick_line_color = None
    select, zoom = BoxSelectTool(), WheelZoomTool()
    plot.add_tools(PanTool(), select, LassoSelectTool(), zoom, ResetTool())
    plot.toolbar.active_drag, plot.toolbar.active_scroll = select, zoom
    plot.toolbar.logo = None
    shown: Filter = AllIndices()
    if name == "map":
        shown = IndexFilter(indices=[], name="on_frame")
        _as_picture(plot)
        size = max(size, 5.0)
    plot.scatter(
        x,
        y,
        source=points,
        view=CDSView(filter=shown),
        size=size,
        line_color=None,
        fill_color={"field": "colour", "transform": mapper},
        fill_alpha=0.75,
        nonselection_fill_alpha=FADED,
        selection_fill_alpha=0.95,
        name=f"{name}_points",
    )
    return plot


def _as_picture(plot: figure) -> None:
    """No axes, and a micrograph underneath."""
    plot.axis.visible = False
    plot.grid.visible = False
    picture = ColumnDataSource({"url": [], "width": [], "height": []}, name="picture")
    plot.image_url(url="url", x=0, y=0, w="width", h="height", source=picture)


def as_json(wanted: Mapping[str, Model]) -> dict[str, Any]:
    """Arguments of ``Bokeh.embed.embed_items``: the plots, for elements ``plot-<name>``."""
    document = Document()
    for plot in wanted.values():
        document.add_root(plot)
    elements = {plot.id: f"plot-{name}" for name, plot in wanted.items()}
    item = {"docid": "explorer", "roots": elements, "root_ids": list(elements)}
    return {"docs": {"explorer": document.to_json(deferred=False)}, "items": [item]}
