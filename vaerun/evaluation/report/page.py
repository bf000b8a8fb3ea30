"""The report of a run: one HTML page that needs no other file and no network."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup
from PIL import Image

from vaerun.evaluation.figures.checks import PREFIX
from vaerun.evaluation.headline import headline
from vaerun.evaluation.report.captions import caption, in_reading_order
from vaerun.evaluation.report.checks import checks_section
from vaerun.evaluation.report.explorer import Explorer
from vaerun.evaluation.report.metric_tables import metric_tables, table
from vaerun.evaluation.report.packing import Recoded, data_uri, recoded
from vaerun.evaluation.report.templates import asset, render
from vaerun.utils.files import write_text
from vaerun.utils.format import duration

Plain = Mapping[str, Any]

LARGEST = 9_800_000  # bytes of a page; pictures of images fill the room that is left
FIGURES_BUDGET = 3_000_000  # bytes of text
PROVENANCE = {
    "start": "started",
    "end": "ended",
    "device": "device",
    "seed": "seed",
    "git_revision": "revision",
    "data_fingerprint": "data (sha256)",
    "resumed_from": "resumed from",
}


def write_report(
    path: Path,
    *,
    title: str,
    config: Plain,
    metrics: Plain,
    manifest: Plain,
    figures: Mapping[str, Path | bytes],
    explorer: Explorer | None = None,
    film: Path | None = None,
) -> None:
    """Write `report.html` completely or not at all.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    title
        Model and data in a few words.
    config, metrics, manifest
        The resolved config, and the contents of `metrics.json` and `manifest.json`.
    figures
        PNG files, or their contents, by the figure's name.
    explorer
        Content of the interactive section; None for a page without scripts.
    film
        Animated WebP of the training, if the file is there.
    """
    images = _embedded(figures)
    checks = checks_section(metrics.get("checks", {}), images)
    sections = render(
        "sections",
        tables=metric_tables(metrics),
        figures=[*_film(film), *_figures(images)],
        command=_command(manifest),
        provenance=_provenance(manifest),
        config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
    )
    interactive, scripts, style = Markup(), Markup(), asset("page.css")
    if explorer is not None:
        from vaerun.evaluation.report import explorer_html  # Bokeh takes half a second to import

        interactive, scripts = explorer_html.section(
            explorer, LARGEST - len(sections) - len(checks)
        )
        style += asset("explorer.css")
    text = render(
        "page",
        title=title,
        style=Markup(style),
        status=str(manifest.get("status", "")),
        facts=_facts(config, metrics, manifest),
        tiles=headline(metrics),
        checks=checks,
        explorer=interactive,
        sections=sections,
        scripts=scripts,
    )
    write_text(path, text)


def _command(manifest: Plain) -> str:
    command = manifest.get("command")
    return command if isinstance(command, str) else " ".join(map(str, command or []))


def _embedded(figures: Mapping[str, Path | bytes]) -> dict[str, Recoded]:
    """The figures as they stand in the page, by name."""
    pngs = {
        name: source if isinstance(source, bytes) else source.read_bytes()
        for name, source in figures.items()
    }
    return recoded(pngs, FIGURES_BUDGET)


def _facts(config: Plain, metrics: Plain, manifest: Plain) -> list[str]:
    """Model, data, numbers of images, device and duration, as far as they are recorded."""
    facts = []
    for group in ("model", "data"):
        name = (config.get(group) or {}).get("name")
        facts += [f"{group} {name}"] if name else []
    if "n_train" in metrics:
        facts.append(f"{metrics['n_train']:,} training and {metrics['n_val']:,} validation images")
    if "latent_dim" in metrics:
        facts.append(f"content of {metrics['latent_dim']} dimensions")
    facts += [str(manifest["device"])] if manifest.get("device") else []
    try:
        start, end = (datetime.datetime.fromisoformat(manifest[k]) for k in ("start", "end"))
    except (KeyError, TypeError, ValueError):
        return facts
    return [*facts, f"{duration((end - start).total_seconds())} in all"]


def _figures(images: Mapping[str, Recoded]) -> list[dict[str, str | int]]:
    """Name, title, explanation, address and size on paper of each figure that is of no check."""
    shown: list[dict[str, str | int]] = []
    for name in in_reading_order([name for name in images if not name.startswith(PREFIX)]):
        (title, text), image = caption(name), images[name]
        size = {"width": image.width * 2 // 3, "height": image.height * 2 // 3}
        shown.append(
            {"name": name, "title": title, "text": text, "address": image.address, **size}
        )
    return shown


def _film(path: Path | None) -> list[dict[str, str | int]]:
    """The film of the training as a figure, before all others; none without the file."""
    if path is None or not path.is_file():
        return []
    with Image.open(path) as image:
        width, height = image.size
    title, text = caption("training")
    address = data_uri(path.read_bytes(), "image/webp")
    return [{"name": "training", "title": title, "text": text, "address": address,
             "width": width, "height": height}]  # fmt: skip


def _provenance(manifest: Plain) -> Markup:
    """Table of what the manifest records of the run."""
    rows = [[text, str(manifest[key])] for key, text in PROVENANCE.items()
            if manifest.get(key) is not None]  # fmt: skip
    packages = (manifest.get("packages") or {}).items()
    rows.append(["packages", ", ".join(f"{name} {version}" for name, version in packages)])
    return table([], rows, numeric=False)
