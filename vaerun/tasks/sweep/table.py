"""The table of a sweep, and the best of its runs."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaerun.evaluation import run_comparison as comparison
from vaerun.evaluation.metrics import catalogue
from vaerun.evaluation.run_comparison import FinishedRun
from vaerun.runs.config import INCIDENTAL
from vaerun.runs.folder import RunFolder
from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.tasks.sweep.trial_status import FINISHED, TrialStatus
from vaerun.utils.files import atomic_path, file_lock, write_text
from vaerun.utils.format import format_significant, markdown_table


@dataclass(frozen=True, kw_only=True)
class Row:
    """A trial, how it stands, and its `metrics.json` if it has finished."""

    trial: Trial
    record: TrialStatus
    metrics: dict[str, Any]

    def value(self, metric: str) -> float | None:
        """A metric, if the run has it."""
        return comparison.metric_of(self.metrics, metric)

    @property
    def finished(self) -> FinishedRun:
        """As runs are compared."""
        return FinishedRun(
            name=self.record.run or "", config=self.trial.plain, metrics=self.metrics
        )


def read_rows(sweep: Sweep) -> list[Row]:
    """Every trial as it stands now."""
    rows = []
    for trial in sweep.trials:
        record = trial_status.read(sweep, trial)
        rows.append(Row(trial=trial, record=record, metrics=_metrics(record)))
    return rows


def metrics_shown(sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """The metric of the sweep, and the telling ones that any run has."""
    known = comparison.known_metrics([row.finished for row in rows])
    telling = [name for name in catalogue.COMPARED if name in known and name != sweep.metric]
    return [sweep.metric, *telling]


def best_rows(sweep: Sweep, rows: Sequence[Row]) -> dict[str, Row]:
    """The best run on each data set, by its name: those of different ones do not compare."""
    best: dict[str, Row] = {}
    for row in rows:
        value = row.value(sweep.metric)
        if value is None:
            continue
        name = str(row.trial.plain["data"]["name"])
        known = best[name].value(sweep.metric) if name in best else None
        if known is None or (value < known if sweep.minimise else value > known):
            best[name] = row
    return best


def best_lines(sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """The same in words."""
    return [
        f"best on {name}: {sweep.metric} {format_significant(row.value(sweep.metric) or 0.0, 6)}, "
        f"{sweep.title(row.trial)}, {row.record.run}"
        for name, row in best_rows(sweep, rows).items()
    ]


def write_tables(sweep: Sweep) -> None:
    """Write `table.md` and `table.csv` as things stand."""
    with file_lock(sweep.folder / ".table.lock"):  # so that the last word is the newest
        rows = read_rows(sweep)
        write_text(sweep.folder / "table.md", _page(sweep, rows))
        _write_csv(sweep, rows)


def _page(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Trials one by one, means over seeds, and the best."""
    varied = _varied(sweep)
    shown = metrics_shown(sweep, rows)
    any_message = any(row.record.message for row in rows)
    names = [catalogue.label_of(metric) for metric in shown]
    last = ["message"] if any_message else []
    head = ["trial", "status", *varied, *names, "seconds", "run", *last]
    lines = [
        [
            str(row.trial.number),
            row.record.status,
            *(_settings(row.trial).get(key, "–") for key in varied),
            *(_number(row.value(metric)) for metric in shown),
            f"{row.record.seconds:.0f}" if row.record.seconds else "–",
            row.record.run or "–",
            *([row.record.message] if any_message else []),
        ]
        for row in rows
    ]
    n_finished = sum(row.record.status == FINISHED for row in rows)
    parts = [
        f"`{' '.join(sweep.command)}`",
        f"{n_finished} of {len(rows)} trials finished.",
        markdown_table(head, lines),
    ]
    groups = comparison.grouped([row.finished for row in rows if row.metrics], INCIDENTAL)
    if any(len(group.runs) > 1 for group in groups):
        parts += [
            "Mean ± standard deviation over seeds:",
            markdown_table(*comparison.table(groups, shown)),
        ]
    best = best_lines(sweep, rows)
    parts += ["\n".join(f"- {line}" for line in best)] if best else []
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _write_csv(sweep: Sweep, rows: Sequence[Row]) -> None:
    """Every number of every run, for other programs."""
    varied = _varied(sweep)
    known = comparison.known_metrics([row.finished for row in rows])
    with (
        atomic_path(sweep.folder / "table.csv") as path,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "status", *varied, *known, "seconds", "run", "message"])
        for row in rows:
            record, values = row.record, (row.value(metric) for metric in known)
            writer.writerow(
                [
                    row.trial.number,
                    record.status,
                    *(_settings(row.trial).get(key, "") for key in varied),
                    *("" if value is None else f"{value:.10g}" for value in values),
                    f"{record.seconds:.1f}",
                    record.run or "",
                    record.message,
                ]
            )


def _metrics(record: TrialStatus) -> dict[str, Any]:
    """Of a run that has finished; nothing where there are none, as after `task=encode`."""
    if record.status != FINISHED or record.run is None:
        return {}
    try:
        text = RunFolder(Path(record.run)).metrics_json.read_text(encoding="utf-8")
        metrics = json.loads(text)
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _settings(trial: Trial) -> dict[str, str]:
    """Name and value of each override."""
    pairs = (text.lstrip("+").partition("=") for text in trial.overrides)
    return {name: value for name, _, value in pairs}


def _varied(sweep: Sweep) -> list[str]:
    """Names whose values differ between the trials."""
    settings = [_settings(trial) for trial in sweep.trials]
    keys = dict.fromkeys(key for one in settings for key in one)
    return [key for key in keys if len({one.get(key) for one in settings}) > 1]


def _number(value: float | None) -> str:
    return "–" if value is None else format_significant(value, 5)
