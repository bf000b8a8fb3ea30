"""Metrics as the HTML tables of a report."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from vaerun.evaluation.metrics.catalogue import METRICS, find_metric, label_of
from vaerun.evaluation.report.templates import render
from vaerun.utils.format import percent

Metrics = Mapping[str, Any]
Row = Sequence[str]

BY_CLASS = (
    "Agreement R is 1 when the encoded angle follows the true one exactly. Errors are means after "
    "the best constant offset, modulo the symmetry of the class; one orientation mode is ideal."
)
PAIRED = (
    "Of each object the pose encoded at angle 0 and shift 0 is taken off the one encoded in its "
    "image, and the difference compared with the true pose, without any offset."
)
GROUPS = {"y": "groups: the predicted classes", "kmeans": "groups: k-means on z"}


def metric_tables(metrics: Metrics) -> list[tuple[str, str, Markup]]:
    """Heading, explanation and HTML of each table that has rows."""
    tables = [
        ("By class", BY_CLASS, per_class_table(metrics)),
        ("Content", "", content_table(metrics)),
        ("Pose in pairs", PAIRED, paired_table(metrics)),
        ("Atoms on their lattice", "", lattice_table(metrics)),
        ("Evidence lower bound", "", bound_table(metrics)),
        ("Training", "", training_table(metrics)),
    ]
    return [entry for entry in tables if entry[2]]


def table(head: Row, rows: Sequence[Row], *, numeric: bool = True) -> Markup:
    """A table of plain text, empty without rows; ``numeric`` aligns all columns but the first."""
    return render("table", head=head, rows=rows, numeric=numeric) if rows else Markup()


def per_class_table(metrics: Metrics) -> Markup:
    """One row a class: symmetry, angle metrics, accuracy; empty where nothing is by class.

    Of classes that were inferred without labels the accuracy is the recall, one to one.
    """
    angle = metrics.get("angle", {})
    columns = {"symmetry": [_symmetry(s) for s in angle.get("symmetry", [])]}
    for key in ("resultant", "mae_deg", "mae_deg_given_factors", "ground_states"):
        metric = find_metric(f"angle.{key}")
        assert metric is not None
        columns[metric.description or metric.label] = [
            "–" if value is None else metric.text(value) for value in angle.get(key, [])
        ]
    recalls = metrics.get("classification", {}).get("per_class", [])
    columns["accuracy"] = [percent(recall) or "–" for recall in recalls]
    clustering = metrics.get("clustering", {})
    recalls = clustering.get("recall", []) if clustering.get("method") == "y" else []
    columns[label_of("clustering.recall")] = [percent(recall) or "–" for recall in recalls]
    columns = {name: cells for name, cells in columns.items() if cells}
    n = max(map(len, columns.values()), default=0)
    names = metrics.get("classes", [])
    names = list(names) if len(names) == n else ["all images"] if n == 1 else [*map(str, range(n))]
    filled = [cells if len(cells) == n else ["–"] * n for cells in columns.values()]
    return table(["class", *columns], [list(row) for row in zip(names, *filled, strict=True)])


def bound_table(metrics: Metrics) -> Markup:
    """The loss and its terms."""
    return table(["term", "nats per image"], _rows(metrics, "elbo"))


def content_table(metrics: Metrics) -> Markup:
    """What z encodes: classes from neighbours and groups, factors; and the shifts."""
    rows = _rows({"knn_accuracy": metrics.get("knn_accuracy")}, "knn_accuracy")
    rows += _rows(metrics, "clustering") + _rows(metrics, "clustering_z")
    rows += [
        [f"{name.replace('_', ' ')} from the neighbours in z, within a class (R²)",
         f"{score['r2_within_class']:.3f}"]
        for name, score in metrics.get("factors", {}).items()
    ]  # fmt: skip
    rows += [
        [f"{name.replace('_', ' ')} from the neighbours in z (ROC area)",
         f"{score['roc_auc']:.3f}"]
        for name, score in metrics.get("flags", {}).items()
    ]  # fmt: skip
    rows += [
        [f"encoded against true {name} (correlation)", f"{value:.3f}"]
        for name, value in _correlations(metrics)
    ]
    method = metrics.get("clustering", {}).get("method")
    return table([f"measure ({GROUPS[method]})" if method else "measure", "value"], rows)


def _correlations(metrics: Metrics) -> list[tuple[str, float]]:
    """Correlation of shift, scale and gain with the truth, by name; curves have one shift."""
    shifts = metrics.get("shift", {}).get("pearson", [])
    names = ["shift"] if len(shifts) == 1 else ["row shift", "column shift"]
    others = [(name, r) for name in ("scale", "gain")
              for r in metrics.get(name, {}).get("pearson", [])]  # fmt: skip
    return [*zip(names, shifts, strict=False), *others]


def paired_table(metrics: Metrics) -> Markup:
    """Pose of each object against that of the same object at angle 0 and shift 0."""
    rows = []
    for metric in METRICS:
        group, _, key = metric.path.partition(".")
        if key.startswith("paired_") and key in metrics.get(group, {}):
            value = metrics[group][key]
            of_axes = value if isinstance(value, list) else [value]
            rows.append([metric.description, ", ".join(map(metric.text, of_axes))])
    return table(["measure", "value"], rows)


def lattice_table(metrics: Metrics) -> Markup:
    """Sublattices and defects of a honeycomb lattice."""
    return table(["measure", "value"], _rows(metrics, "lattice"))


def training_table(metrics: Metrics) -> Markup:
    """Length, speed and memory of the training."""
    return table([], _rows(metrics, "train"))


def _rows(metrics: Metrics, group: str) -> list[list[str]]:
    """Description and value of the numbers of one group, in the order of the catalogue."""
    rows = []
    for metric in METRICS:
        first, _, key = metric.path.partition(".")
        value = metrics.get(first) if first == group else None
        value = value.get(key) if key and value else value
        if value is not None and not isinstance(value, list):
            rows.append([metric.description or metric.label, metric.text(value)])
    return rows


def _symmetry(order: int) -> str:
    return "none" if order == 1 else f"{360 / order:g}°"
