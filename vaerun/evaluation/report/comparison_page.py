"""`compare.html`: many finished runs in one table that sorts and filters, on one page.

The page needs no other file and no network; it links to the reports of the runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vaerun.evaluation.metrics.catalogue import label_of, less_is_better
from vaerun.evaluation.report.packing import embedded_json
from vaerun.evaluation.report.templates import asset, render
from vaerun.evaluation.run_comparison import metric_of
from vaerun.utils.files import write_text

_OF_IMAGES = {"data.name", "data.path"}  # where these differ, no loss is better than another
_SCRIPTS = ("json_payload", "comparison_table", "comparison_filter", "comparison")


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """One row of the page.

    Attributes
    ----------
    name
        Path of the run folder, without what all runs have in common.
    report
        Relative address of its report; empty without one.
    settings
        Value, as typed, of each key in which any of the runs differs.
    metrics
        Content of its `metrics.json`.
    pictures
        Data URIs by name, ``manifold`` and ``plane``, as far as there are any.
    """

    name: str
    report: str
    settings: Mapping[str, str]
    metrics: Mapping[str, Any]
    pictures: Mapping[str, str]


def write_comparison(
    path: Path,
    runs: Sequence[ComparedRun],
    *,
    shown_settings: Sequence[str],
    shown_metrics: Sequence[str],
    metrics: Sequence[str],
    title: str,
    where: str = "",
) -> None:
    """Write the page completely or not at all.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    runs
        At least one, in the order of the page.
    shown_settings, shown_metrics
        Columns to show at first; the reader can show others.
    metrics
        Dotted paths of all metrics that become columns.
    title, where
        Of the page; folder that all runs are in, if there is one.
    """
    settings = list(dict.fromkeys(key for run in runs for key in run.settings))
    columns = [
        *(_setting(key, runs, shown=key in shown_settings) for key in settings),
        *(_metric(name, runs, shown=name in shown_metrics) for name in metrics),
    ]
    data = {
        "runs": [
            {"name": run.name, "report": run.report, "pictures": dict(run.pictures),
             "checks": checks(run.metrics)}
            for run in runs
        ],
        "columns": columns,
    }  # fmt: skip
    script = "\n".join(asset(f"{name}.js") for name in _SCRIPTS)
    text = render(
        "comparison",
        title=title,
        n=len(runs),
        where=where,
        style=Markup(asset("page.css") + asset("comparison.css")),
        data=Markup(embedded_json(data)),
        script=Markup(f'(() => {{\n"use strict";\n{script}}})();'),
    )
    write_text(path, text)


def checks(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many checks of a run passed and which failed; None for a run without checks.

    ``metrics["checks"]`` maps each name to ``value``, ``limits``, ``passed`` (None: not judged),
    ``title``, ``evidence`` and ``mend``.
    """
    given = metrics.get("checks")
    if not isinstance(given, Mapping):
        return None
    known = {name: one for name, one in given.items() if isinstance(one, Mapping)}
    judged = {name: one for name, one in known.items() if isinstance(one.get("passed"), bool)}
    failed = [
        {"title": str(one.get("title") or name),
         "evidence": str(one.get("evidence") or ""),
         "mend": str(one.get("mend") or "")}
        for name, one in judged.items()
        if not one["passed"]
    ]  # fmt: skip
    n_passed = len(judged) - len(failed)
    return {"passed": n_passed, "judged": len(judged), "all": len(given), "failed": failed}


def _setting(key: str, runs: Sequence[ComparedRun], *, shown: bool) -> dict[str, Any]:
    texts = [run.settings.get(key, "–") for run in runs]
    numbers = [_number(text) for text in texts]
    known = [n for n, text in zip(numbers, texts, strict=True) if text not in ("–", "null")]
    is_number = bool(known) and None not in known
    title = key.removesuffix(".name")
    column = {"key": key, "title": title, "kind": "setting", "shown": shown, "texts": texts}
    return column | ({"values": numbers} if is_number else {})


def _metric(name: str, runs: Sequence[ComparedRun], *, shown: bool) -> dict[str, Any]:
    values = [metric_of(run.metrics, name) for run in runs]
    differ = name.startswith("elbo.") and any(_OF_IMAGES & run.settings.keys() for run in runs)
    return {"key": name, "title": label_of(name), "kind": "metric", "shown": shown,
            "values": values, "less": None if differ else less_is_better(name)}  # fmt: skip


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
