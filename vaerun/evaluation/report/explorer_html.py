"""The interactive section of a report: its markup, data and scripts."""

from functools import cache

from bokeh.resources import Resources
from markupsafe import Markup

from vaerun.evaluation.report.bokeh_plots import as_json, plots
from vaerun.evaluation.report.explorer import Explorer
from vaerun.evaluation.report.json_payload import payload, pictures
from vaerun.evaluation.report.packing import embedded_json
from vaerun.evaluation.report.templates import asset, render

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
PICTURES_BUDGET = 3_000_000  # bytes of text, images and reconstructions


def section(explorer: Explorer, room: int) -> tuple[Markup, Markup]:
    """Markup of the section and scripts for the end of the page, in ``room`` bytes of text."""
    data, scripts = payload(explorer), _scripts()
    room -= sum(map(len, scripts)) + len(embedded_json(data))
    data |= pictures(explorer, min(room, PICTURES_BUDGET))
    has_turn = {"angle", "true_angle"} <= {column["name"] for column in data["columns"]}
    shown = plots(len(explorer.encodings), turn=has_turn, frames=bool(data["frames"]))
    return render("explorer", manifold=data["manifold"], plots=shown), render(
        "scripts", data=embedded_json(data), plots=embedded_json(as_json(shown)), scripts=scripts
    )


@cache
def _scripts() -> list[Markup]:
    """BokehJS and the section's own scripts, each the content of a script element."""
    library = Resources(mode="inline", components=["bokeh", "bokeh-gl"], log_level="warn").js_raw
    own = "\n".join(asset(f"{name}.js") for name in SCRIPTS)
    texts = [*library, f'(() => {{\n"use strict";\n{own}}})();']
    assert not any("</script" in text.lower() for text in texts)
    return [Markup(text) for text in texts]
