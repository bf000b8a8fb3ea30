"""The interactive section of a report: its markup, its data and the scripts that move it."""

from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from bokeh.resources import Resources

from vaerun.evaluation.report.bokeh_plots import as_json, plots
from vaerun.evaluation.report.explorer import Explorer
from vaerun.evaluation.report.json_payload import payload, pictures
from vaerun.evaluation.report.packing import embedded_json

SCRIPTS = (
    "json_payload",
    "colours",
    "image_sheets",
    "hover_card",
    "decoder_view",
    "selection",
    "plot_style",
    "micrograph_map",
    "explorer",
)

HELP = (
    "Point at a dot to see its image beside what the model makes of it. Drag a box (or, with the "
    "lasso, a loop) around dots to list their images; all plots show the same selection. Turn the "
    "wheel to zoom; the tools above each plot move it and set it back."
)


PICTURES_BUDGET = 3_000_000  # bytes of text, images and reconstructions


def section(explorer: Explorer, room: int) -> tuple[str, str]:
    """The section's markup, and what must stand at the end of the page.

    Parameters
    ----------
    explorer
        What to show.
    room
        Bytes of text; how many pictures there are depends on it.
    """
    plain = payload(explorer)
    room -= len(_scripts()) + len(embedded_json(plain))
    plain |= pictures(explorer, min(room, PICTURES_BUDGET))
    names = {column["name"] for column in plain["columns"]}
    turn = {"angle", "true_angle"} <= names
    wanted = plots(len(explorer.encodings), turn=turn, frames=bool(plain["frames"]))
    data = (
        f'<script type="application/json" id="explorer-data">{embedded_json(plain)}</script>'
        f'<script type="application/json" id="explorer-plots">'
        f"{embedded_json(as_json(wanted))}</script>"
    )
    return _markup(plain, set(wanted)), data + _scripts()


def _markup(plain: dict[str, Any], wanted: set[str]) -> str:
    side = _decoded(plain["manifold"]) if plain["manifold"] else ""
    second = (_turn() if "turn" in wanted else "") + (_map() if "map" in wanted else "")
    return (
        f'<p class="caption help">{escape(HELP)}</p>'
        f'<div class="panel controls">{_select("colour", "Colour")}{_select("x", "Across")}'
        f'{_select("y", "Up")}<div class="legend"></div></div>'
        f'<div class="stage{"" if side else " single"}">'
        f'<div class="panel"><h3>Latent space</h3>{_plot("plane")}</div>{side}</div>'
        + f'<div class="stage even">{second}{_selection()}</div>'
        + '<div class="card" hidden></div>'
        '<noscript><p class="caption">This section needs JavaScript.</p></noscript>'
    )


def _select(name: str, text: str) -> str:
    return f'<label>{text} <select name="{name}"></select></label>'


def _plot(name: str) -> str:
    return f'<div class="plot plot-{name}" id="plot-{name}"></div>'


def _decoded(manifold: dict[str, Any]) -> str:
    """What the model decodes at the pointer, and the whole grid of it."""
    many = len(manifold["names"]) > 1
    hidden = "" if manifold["follows"] else " hidden"
    follow = (
        f'<label class="follow"{hidden}><input type="checkbox" name="follow" checked> '
        "class of the image pointed at</label>"
    )
    return (
        '<div class="panel decoded"><h3>Decoded at the pointer</h3>'
        '<canvas class="large" role="img" aria-label="decoded image"></canvas>'
        '<p class="where"></p>'
        + (f'{follow}<div class="classes"></div>' if many else "")
        + '<canvas class="whole" role="img" aria-label="all decoded images"></canvas></div>'
    )


def _turn() -> str:
    return f'<div class="panel"><h3>Encoded against true angle</h3>{_plot("turn")}</div>'


def _map() -> str:
    return (
        f'<div class="panel map"><h3>Where they lie</h3>{_select("frame", "Frame")}'
        f'<div class="ground">{_plot("map")}<span class="scale"></span></div></div>'
    )


def _selection() -> str:
    return (
        '<div class="panel selection"><h3>Selection</h3><p><span class="count"></span> '
        '<button type="button" class="clear" hidden>Clear</button> '
        '<button type="button" class="save" hidden>Save as CSV</button></p>'
        '<p class="caption kinds"></p><div class="thumbnails"></div></div>'
    )


@cache
def _scripts() -> str:
    """BokehJS and our own script, in the page itself."""
    library = Resources(mode="inline", components=["bokeh", "bokeh-gl"], log_level="warn").js_raw
    folder = files(__package__)
    own = "\n".join((folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    texts = [*library, f'(() => {{\n"use strict";\n{own}}})();']
    return "".join(f"<script>{_in_element(text)}</script>" for text in texts)


def style() -> str:
    """The section's style sheet."""
    return (files(__package__) / "explorer.css").read_text("utf-8")


def _in_element(script: str) -> str:
    assert "</script" not in script.lower()
    return script
