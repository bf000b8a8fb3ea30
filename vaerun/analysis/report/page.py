"""The report's sections, put together from metrics, manifest, config and pictures."""

import datetime
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import yaml

from vaerun.analysis.headline import headline
from vaerun.analysis.report.captions import caption, in_reading_order
from vaerun.analysis.report.explorer import Explorer
from vaerun.analysis.report.recode import Recoded, recoded
from vaerun.analysis.report.tables import (
    bound_table,
    content_table,
    lattice_table,
    per_class_table,
    table,
    training_table,
)
from vaerun.analysis.report.template import page
from vaerun.utils.files import write_text
from vaerun.utils.format import duration

Plain = Mapping[str, Any]

LARGEST = 9_800_000  # bytes of a page; it holds as many pictures of images as there is room for
FIGURES_BUDGET = 3_000_000  # bytes of text


def write_report(
    path: Path,
    *,
    title: str,
    config: Plain,
    metrics: Plain,
    manifest: Plain,
    figures: Mapping[str, Path | bytes],
    explorer: Explorer | None = None,
) -> None:
    """Write `report.html`, whole or not at all.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    title
        What was run, in a few words.
    config, metrics, manifest
        The resolved config, and the contents of `metrics.json` and `manifest.json`.
    figures
        PNG files, or their contents, by the figure's name.
    explorer
        The run to look around in; None: the page has no scripts.
    """
    static = {
        "results": _section("results", "Results", _tables(metrics)),
        "figures": _section("figures", "Figures", _figures(figures)),
        "origin": _section("origin", "How this came about", _origin(config, manifest)),
    }
    live, scripts, style = _explorer(explorer, sum(map(len, static.values())))
    parts = [
        _header(title, config, metrics, manifest, explorable=explorer is not None),
        _tiles(metrics),
        _section("explore", "Explore", live),
        *static.values(),
        scripts,
    ]
    write_text(path, page(escape(title), "\n".join(filter(None, parts)), style))


def _explorer(explorer: Explorer | None, n_static: int) -> tuple[str, str, str]:
    """Markup, scripts and style of the interactive section, beside ``n_static`` bytes."""
    if explorer is None:
        return "", "", ""
    from vaerun.analysis.report import section  # Bokeh takes half a second to import

    live, scripts = section.section(explorer, LARGEST - n_static)
    return live, scripts, section.style()


def _header(
    title: str, config: Plain, metrics: Plain, manifest: Plain, *, explorable: bool
) -> str:
    """Title, state of the run, what was run on what, and the way to the sections."""
    status = str(manifest.get("status", ""))
    state = f'<span class="state {escape(status)}">{escape(status)}</span>' if status else ""
    facts = " · ".join(escape(fact) for fact in _facts(config, metrics, manifest))
    links = [("results", "Results"), ("figures", "Figures"), ("origin", "How this came about")]
    links = [*([("explore", "Explore")] if explorable else []), *links]
    nav = "".join(f'<a href="#{anchor}">{text}</a>' for anchor, text in links)
    return (
        f'<header><h1>{escape(title)}{state}</h1><p class="lead">{facts}</p>'
        f"<nav>{nav}</nav></header>"
    )


def _facts(config: Plain, metrics: Plain, manifest: Plain) -> list[str]:
    facts = []
    for group in ("model", "data"):
        name = (config.get(group) or {}).get("name")
        facts += [f"{group} {name}"] if name else []
    if "n_train" in metrics:
        facts.append(f"{metrics['n_train']:,} training and {metrics['n_val']:,} validation images")
    if "latent_dim" in metrics:
        facts.append(f"content of {metrics['latent_dim']} dimensions")
    facts += [str(manifest["device"])] if manifest.get("device") else []
    took = _elapsed(manifest)
    return facts + ([took] if took else [])


def _elapsed(manifest: Plain) -> str | None:
    """From start to end of the run, where both are known."""
    try:
        start, end = (datetime.datetime.fromisoformat(manifest[k]) for k in ("start", "end"))
    except (KeyError, TypeError, ValueError):
        return None
    return f"{duration((end - start).total_seconds())} in all"


def _tiles(metrics: Plain) -> str:
    tiles = "".join(
        f'<div class="tile"><div class="name">{escape(name)}</div>'
        f'<div class="value">{escape(value)}</div></div>'
        for name, value in headline(metrics)
    )
    return f'<div class="tiles">{tiles}</div>' if tiles else ""


def _section(anchor: str, title: str, body: str) -> str:
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{body}</section>' if body else ""


def _tables(metrics: Plain) -> str:
    """All tables, each under its heading."""
    blocks = [
        (
            "By class",
            "Agreement R is 1 when the encoded angle follows the true one exactly. Errors are "
            "means after the best constant offset, modulo the symmetry of the class; one ground "
            "state is ideal.",
            per_class_table(metrics),
        ),
        ("What the content tells", "", content_table(metrics)),
        ("Atoms on their lattice", "", lattice_table(metrics)),
        ("The bound", "", bound_table(metrics)),
        ("Training", "", training_table(metrics)),
    ]
    return "".join(
        f'<h3>{name}</h3><p class="caption">{text}</p>{body}' if text else f"<h3>{name}</h3>{body}"
        for name, text, body in blocks
        if body
    )


def _figures(figures: Mapping[str, Path | bytes]) -> str:
    """The pictures, each with how to read it."""
    pngs = {
        name: source if isinstance(source, bytes) else source.read_bytes()
        for name, source in figures.items()
    }
    found = recoded(pngs, FIGURES_BUDGET)
    return "".join(_figure(name, found[name]) for name in in_reading_order(list(figures)))


def _figure(name: str, figure: Recoded) -> str:
    """A picture with how to read it, shown at its size on paper."""
    title, text = caption(name)
    size = f'width="{figure.width * 2 // 3}" height="{figure.height * 2 // 3}"'
    return (
        f'<figure id="{escape(name)}"><figcaption><h3>{escape(title)}</h3>'
        f'<p class="caption">{escape(text)}</p></figcaption>'
        f'<img {size} alt="{escape(title)}" src="{figure.address}"></figure>'
    )


def _origin(config: Plain, manifest: Plain) -> str:
    """Command, provenance and the whole config."""
    command = manifest.get("command")
    typed = command if isinstance(command, str) else " ".join(map(str, command or []))
    names = {
        "start": "started",
        "end": "ended",
        "device": "device",
        "seed": "seed",
        "git_revision": "revision",
        "data_fingerprint": "data (sha256)",
        "resumed_from": "resumed from",
    }
    rows = [[text, str(manifest[key])] for key, text in names.items()
            if manifest.get(key) is not None]  # fmt: skip
    packages = manifest.get("packages") or {}
    rows += [["packages", ", ".join(f"{name} {v}" for name, v in packages.items())]]
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    return (
        (f"<h3>Command</h3><pre>{escape(typed)}</pre>" if typed else "")
        + table([], rows, numeric=False)
        + f"<h3>Config</h3><pre>{escape(text)}</pre>"
    )
