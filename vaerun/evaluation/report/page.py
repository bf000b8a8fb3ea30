"""The report's sections, put together from metrics, manifest, config and pictures.

The page around a report's content: its frame and its look, light, dark and on paper.
"""

import datetime
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import yaml

from vaerun.evaluation.headline import headline
from vaerun.evaluation.report.captions import caption, in_reading_order
from vaerun.evaluation.report.explorer import Explorer
from vaerun.evaluation.report.metric_tables import (
    bound_table,
    content_table,
    lattice_table,
    per_class_table,
    table,
    training_table,
)
from vaerun.evaluation.report.packing import Recoded, recoded
from vaerun.utils.files import write_text
from vaerun.utils.format import duration

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1d2229; --soft: #5d6672;
  --line: #e0e4ea; --accent: #3a6fd0; --code: #f1f3f6; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e6e9ed;
  --soft: #9aa4b1; --line: #323841; --accent: #86aef5; --code: #262b32; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .35rem; letter-spacing: -.015em; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .9rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .3rem 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin-top: 1rem; font-size: .92rem; }
.lead, .caption { color: var(--soft); }
.caption { max-width: 48rem; font-size: .93rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr));
  gap: .8rem; margin-top: 1.6rem; }
.tile, figure, .sheet { background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; }
.tile { padding: .85rem 1rem; }
.tile .name { color: var(--soft); font-size: .84rem; }
.tile .value { font-size: 1.22rem; font-weight: 620; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
figure { margin: 0 0 1.2rem; padding: 1rem 1.1rem 1.1rem; }
figure img { display: block; max-width: 100%; height: auto; margin-top: .8rem; background: #fff;
  border-radius: .35rem; }
.sheet { overflow-x: auto; margin-bottom: 1.2rem; padding: .4rem .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .42rem .6rem; vertical-align: top; }
tr + tr > *, thead + tbody tr > * { border-top: 1px solid var(--line); }
th { font-weight: 560; color: var(--soft); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .86rem; }
code { overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: .5rem; padding: .9rem 1rem; margin: .5rem 0 1rem;
  overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.state { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .84rem;
  border: 1px solid currentColor; margin-left: .5rem; vertical-align: middle; font-weight: 500; }
.state.finished { color: #1d8a4b; } .state.failed, .state.interrupted { color: #c4453c; }
.state.running { color: #b07a12; }
@media print { body { background: #fff; font-size: 11pt; } main { padding: 0; max-width: none; }
  nav { display: none; } h2, h3 { break-after: avoid; }
  figure, .tile, .sheet { break-inside: avoid; } }
"""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")


def page(title: str, body: str, style: str = "") -> str:
    """The whole document; title and body are HTML already, more style is appended."""
    return _PAGE.substitute(title=title, style=STYLE + style, body=body)


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
    from vaerun.evaluation.report import explorer_html  # Bokeh takes half a second to import

    live, scripts = explorer_html.section(explorer, LARGEST - n_static)
    return live, scripts, explorer_html.style()


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
