"""The table of a sweep, and the best of its runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
from vaerun.utils.files import file_lock, write_csv, write_text
from vaerun.utils.format import format_significant, markdown_table


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial, its status, and its `metrics.json` if it has finished."""

    trial: Trial
    status: TrialStatus
    metrics: dict[str, Any]

    def value(self, metric: str) -> float | None:
        """A metric, if the run has it."""
        return comparison.metric_of(self.metrics, metric)

    @property
    def finished(self) -> FinishedRun:
        """The run as `run_comparison` takes it."""
        return FinishedRun(
            name=self.status.run or "", config=self.trial.plain, metrics=self.metrics
        )


def read_results(sweep: Sweep) -> list[TrialResult]:
    """Status and metrics of every trial as they are now."""
    results = []
    for trial in sweep.trials:
        status = trial_status.read(sweep, trial)
        results.append(TrialResult(trial=trial, status=status, metrics=_metrics(status)))
    return results


def metrics_shown(sweep: Sweep, results: Sequence[TrialResult]) -> list[str]:
    """The metric of the sweep, and those of the catalogue that any run has."""
    labelled = comparison.labelled_metrics([result.finished for result in results])
    return list(dict.fromkeys([sweep.metric, *labelled]))


def best_results(sweep: Sweep, results: Sequence[TrialResult]) -> dict[str, TrialResult]:
    """Name of each data set → the best run on it: metrics of two data sets do not compare."""
    sign = 1 if sweep.minimise else -1
    best: dict[str, tuple[float, TrialResult]] = {}
    for result in results:
        value, data = result.value(sweep.metric), str(result.trial.plain["data"]["name"])
        if value is not None and (data not in best or sign * value < best[data][0]):
            best[data] = sign * value, result
    return {data: result for data, (_, result) in best.items()}


def best_lines(sweep: Sweep, results: Sequence[TrialResult]) -> list[str]:
    """The best run on each data set, a line of text each."""
    lines = []
    for data, best in best_results(sweep, results).items():
        value = format_significant(best.value(sweep.metric), 6)
        title, run = sweep.title(best.trial), best.status.run
        lines.append(f"best on {data}: {sweep.metric} {value}, {title}, {run}")
    return lines


def write_tables(sweep: Sweep) -> None:
    """Write `table.md` and, with all digits, `table.csv`."""
    with file_lock(sweep.folder / ".table.lock"):  # or an older table might be written last
        results = read_results(sweep)
        write_text(sweep.folder / "table.md", _page(sweep, results))
        known = comparison.known_metrics([result.finished for result in results])
        head, *rows = _table(sweep, results, known, exact=True)
        write_csv(sweep.folder / "table.csv", head, rows)


def _page(sweep: Sweep, results: Sequence[TrialResult]) -> str:
    """The table of trials, the means over seeds and the best runs, as Markdown."""
    shown = metrics_shown(sweep, results)
    head, *rows = _table(sweep, results, shown, exact=False)
    if not any(result.status.message for result in results):
        head, *rows = (line[:-1] for line in (head, *rows))  # no column of messages
    n_finished = sum(result.status.status == FINISHED for result in results)
    parts = [
        f"`{' '.join(sweep.command)}`",
        f"{n_finished} of {len(results)} trials finished.",
        markdown_table(head, rows),
    ]
    groups = comparison.grouped(
        [result.finished for result in results if result.metrics], INCIDENTAL
    )
    if any(len(group.runs) > 1 for group in groups):
        means = markdown_table(*comparison.table(groups, shown))
        parts += ["Mean ± standard deviation over seeds:", means]
    best = best_lines(sweep, results)
    parts += ["\n".join(f"- {line}" for line in best)] if best else []
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _table(
    sweep: Sweep, results: Sequence[TrialResult], metrics: Sequence[str], *, exact: bool
) -> list[list[str]]:
    """Head and rows, with paths and all digits for programs or labels and a few for readers."""
    varied, missing = _varied(sweep), "" if exact else "–"
    labels = metrics if exact else [catalogue.label_of(m) for m in metrics]
    number = comparison.exact if exact else partial(format_significant, digits=5)
    lines = [["trial", "status", *varied, *labels, "seconds", "run", "message"]]
    for result in results:
        status, settings = result.status, _settings(result.trial)
        lines.append(
            [
                str(result.trial.number),
                status.status,
                *(settings.get(key, missing) for key in varied),
                *(number(result.value(metric)) for metric in metrics),
                f"{status.seconds:.{int(exact)}f}" if status.seconds or exact else missing,
                status.run or missing,
                status.message,
            ]
        )
    return lines


def _metrics(status: TrialStatus) -> dict[str, Any]:
    """The metrics of a finished run; empty where a task writes none, as `task=encode`."""
    if status.status != FINISHED or status.run is None:
        return {}
    try:
        text = RunFolder(Path(status.run)).metrics_json.read_text(encoding="utf-8")
        metrics = json.loads(text)
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _settings(trial: Trial) -> dict[str, str]:
    """Key and value of each override."""
    pairs = (text.lstrip("+").partition("=") for text in trial.overrides)
    return {name: value for name, _, value in pairs}


def _varied(sweep: Sweep) -> list[str]:
    """Keys whose values differ between the trials."""
    settings = [_settings(trial) for trial in sweep.trials]
    keys = dict.fromkeys(key for one in settings for key in one)
    return [key for key in keys if len({one.get(key) for one in settings}) > 1]
