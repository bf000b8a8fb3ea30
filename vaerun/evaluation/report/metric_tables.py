"""Metrics as HTML tables: numbers to the right, everything escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vaerun.evaluation.metrics.catalogue import LATTICE, MEASURES, TERMS
from vaerun.utils.format import duration, format_significant, percent

Metrics = Mapping[str, Any]
Row = Sequence[str]


def table(head: Row, rows: Sequence[Row], *, numeric: bool = True) -> str:
    """A table of plain text; all columns but the first are aligned as numbers if ``numeric``."""
    rest = ' class="number"' if numeric else ""

    def line(cells: Row, tag: str) -> str:
        marks = ["", *[rest] * (len(cells) - 1)]
        inner = (f"<{tag}{m}>{escape(c)}</{tag}>" for c, m in zip(cells, marks, strict=True))
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    top = f"<thead>{line(head, 'th')}</thead>" if head else ""
    return f'<div class="sheet"><table>{top}<tbody>{body}</tbody></table></div>'


def per_class_table(metrics: Metrics) -> str:
    """One row a class: symmetry, angle metrics, accuracy; empty where nothing is by class."""
    angle = metrics.get("angle", {})
    columns = {
        "symmetry": [_symmetry(s) for s in angle.get("symmetry", [])],
        "agreement R": [_cell(v, "{:.3f}") for v in angle.get("resultant", [])],
        "angle error": [_cell(v, "{:.1f}°") for v in angle.get("mae_deg", [])],
        "error, shear allowed for": [
            _cell(v, "{:.1f}°") for v in angle.get("mae_deg_given_factors", [])
        ],
        "ground states": [_cell(v, "{}") for v in angle.get("ground_states", [])],
        "accuracy": [
            percent(v) or "–" for v in metrics.get("classification", {}).get("per_class", [])
        ],
    }
    columns = {name: cells for name, cells in columns.items() if cells}
    if not columns:
        return ""
    n = max(len(cells) for cells in columns.values())
    names = metrics.get("classes", [])
    names = list(names) if len(names) == n else ["all images"] if n == 1 else [*map(str, range(n))]
    whole = [cells if len(cells) == n else ["–"] * n for cells in columns.values()]
    rows = [[name, *(cells[j] for cells in whole)] for j, name in enumerate(names)]
    return table(["class", *columns], rows)


def bound_table(metrics: Metrics) -> str:
    """The terms of the bound, nats per image."""
    elbo = metrics.get("elbo", {})
    rows = [[name, format_significant(elbo[key], 4)] for key, name in TERMS.items() if key in elbo]
    return table(["term", "nats per image"], rows) if rows else ""


def content_table(metrics: Metrics) -> str:
    """What z tells: neighbours, groups, factors."""
    clustering = metrics.get("clustering", {})
    measured = {"knn_accuracy": metrics.get("knn_accuracy")} | dict(clustering)
    rows = [
        [name, f"{measured[key]:.3f}"]
        for key, name in MEASURES.items()
        if measured.get(key) is not None
    ]
    rows += [
        [f"{name.replace('_', ' ')} from the neighbours in z, within a class (R²)",
         f"{score['r2_within_class']:.3f}"]
        for name, score in metrics.get("factors", {}).items()
    ]  # fmt: skip
    rows += [
        [f"encoded against true {axis} shift (correlation)", f"{value:.3f}"]
        for axis, value in zip(
            ("row", "column"), metrics.get("shift", {}).get("pearson", []), strict=False
        )
    ]
    source = {"y": "groups: the classes that the model found", "kmeans": "groups: k-means on z"}
    head = f"measure ({source[clustering['method']]})" if clustering else "measure"
    return table([head, "value"], rows) if rows else ""


def lattice_table(metrics: Metrics) -> str:
    """What angle and content tell of atoms on a honeycomb."""
    lattice = metrics.get("lattice", {})
    rows = [
        [name, form.format(lattice[key])]
        for key, (name, form) in LATTICE.items()
        if key in lattice
    ]
    return table(["measure", "value"], rows) if rows else ""


def training_table(metrics: Metrics) -> str:
    """What training took."""
    train = metrics.get("train", {})
    ways = {
        "epochs": ("epochs", "{:,}"),
        "steps": ("steps", "{:,}"),
        "seconds": ("time", None),
        "images_per_second": ("images a second", "{:,.0f}"),
        "parameters": ("trainable parameters", "{:,}"),
        "peak_rss_mb": ("main memory at most", "{:,.0f} MB"),
        "peak_gpu_mb": ("GPU memory at most", "{:,.0f} MB"),
    }
    rows = [
        [name, duration(train[key]) if form is None else form.format(train[key])]
        for key, (name, form) in ways.items()
        if train.get(key) is not None
    ]
    return table([], rows) if rows else ""


def _cell(value: Any, form: str) -> str:
    return "–" if value is None else form.format(value)


def _symmetry(order: int) -> str:
    return "none" if order == 1 else f"{360 / order:g}°"
