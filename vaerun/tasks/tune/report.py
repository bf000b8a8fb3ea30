"""A study for reading: `table.md`, `table.csv` and figures, of all that its workers have done."""

import csv
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

from vaerun.evaluation.figures import save_figures
from vaerun.evaluation.figures.tuning_study import draw_history, draw_importance, draw_slices
from vaerun.evaluation.metrics.catalogue import label_of
from vaerun.evaluation.run_comparison import metric_of
from vaerun.tasks.tune.engine import FrozenTrial, Trial, TrialState, importance
from vaerun.tasks.tune.search_space import Range, override
from vaerun.tasks.tune.study import Study
from vaerun.utils.files import atomic_path, write_text
from vaerun.utils.format import format_significant

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WATCHED = ("elbo.loss", "clustering.hungarian", "classification.accuracy", "knn_accuracy")
_TRUE = ("clustering.hungarian", "classification.accuracy")  # known from labels alone
_STATES = {"COMPLETE": "done", "PRUNED": "ended early", "FAIL": "failed", "RUNNING": "running"}
_FEWEST = 4  # trials with a value, for importances and correlations


def watched(metrics: dict[str, Any]) -> dict[str, float]:
    """What a study keeps of a trial's metrics."""
    found = {path: metric_of(metrics, path) for path in WATCHED}
    return {path: value for path, value in found.items() if value is not None}


def setting(study: Study, trial: Trial | FrozenTrial) -> list[str]:
    """The overrides of a trial."""
    return [override(key, trial.params[key]) for key in study.space]


def command(study: Study, typed: Sequence[str], trial: FrozenTrial) -> str:
    """What one types to run a trial alone."""
    return shlex.join(["vaerun", *typed, *setting(study, trial)])


def agreement(study: Study) -> tuple[str, float, int] | None:
    """How alike a study ranks its trials and the truth does: metric, Spearman's ρ, trials.

    None where no labels tell the truth, or the objective is made of them.
    """
    for path in _TRUE:
        pairs = [(t.value, t.user_attrs["metrics"].get(path)) for t in study.complete]
        known = [(value, true) for value, true in pairs if true is not None]
        if study.objective.path == path or len(known) < _FEWEST:
            continue
        value, true = np.array(known, float).T
        if np.ptp(value) > 0 and np.ptp(true) > 0:
            sign = -1 if study.objective.less_is_better else 1
            return path, sign * float(spearmanr(value, true).statistic), len(known)
    return None


def write_table(study: Study, typed: Sequence[str]) -> None:
    """Write `table.md` and `table.csv`."""
    trials = study.settings
    shown = [path for path in WATCHED if any(path in _metrics(t) for t in trials)]
    head = ["trial", "state", study.objective.path, *map(label_of, shown), *study.space]
    rows = [
        [
            str(t.user_attrs["number"]) + (" (preset)" if t.user_attrs.get("is_preset") else ""),
            _STATES[t.state.name],
            _number(_value(t)),
            *(_number(_metrics(t).get(path)) for path in shown),
            *(text.partition("=")[2] for text in setting(study, t)),
        ]
        for t in trials
    ]
    lines = [head, ["---"] * len(head), *rows]
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    write_text(study.folder / "table.md", _opening(study, typed) + body)
    _write_csv(study, shown)


def _opening(study: Study, typed: Sequence[str]) -> str:
    """The best trial, how far to trust the objective, the figures."""
    best, better = study.best, "less" if study.objective.less_is_better else "more"
    parts = [
        f"# {study.objective.path}, {better} is better: {study.n_done} of {study.n_trials} trials"
    ]
    if best is not None:
        folder = study.run_folder(best).path
        parts += [
            f"Best: trial {best.user_attrs['number']}, {_number(best.value)}.",
            f"```\n{command(study, typed, best)}\n```",
            f"Its figures and report: `vaerun task=evaluate run={shlex.quote(str(folder))}`",
        ]
    agreed = agreement(study)
    if agreed is not None:
        path, rho, n = agreed
        parts.append(
            f"Rank correlation with {label_of(path)}, over {n} trials: {_number(round(rho, 3))}"
        )
    parts += [f"![{p.stem}](figures/{p.name})" for p in sorted(_figures(study).glob("*.png"))]
    return "\n\n".join(parts) + "\n\n"


def _write_csv(study: Study, shown: Sequence[str]) -> None:
    """All numbers in full."""
    with atomic_path(study.folder / "table.csv") as path, path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "state", "value", *shown, *study.space, "run"])
        for t in study.settings:
            writer.writerow(
                [
                    t.user_attrs["number"],
                    _STATES[t.state.name],
                    "" if _value(t) is None else _value(t),
                    *(_metrics(t).get(path, "") for path in shown),
                    *(text.partition("=")[2] for text in setting(study, t)),
                    study.run_folder(t).path,
                ]
            )


def write_figures(study: Study) -> dict[str, Path]:
    """Draw the course of a study, the importance of each key and the values of each."""
    trials, name = study.settings, study.objective.path
    if not study.complete:
        return {}
    value = np.array([math.nan if (v := _value(t)) is None else v for t in trials])
    preset = next((i for i, t in enumerate(trials) if t.user_attrs.get("is_preset")), None)
    figures: dict[str, Figure] = {
        "history": draw_history(
            value, name, less_is_better=study.objective.less_is_better, preset=preset
        ),
        "slices": draw_slices(
            {key: [t.params[key] for t in trials] for key in study.space},
            value,
            name,
            [k for k, d in study.space.items() if isinstance(d, Range) and d.log],
        ),
    }
    known = value[np.isfinite(value)]
    if len(known) >= _FEWEST and np.ptp(known) > 0 and len(study.space) > 1:
        figures["importance"] = draw_importance(importance(study.optuna), name)
    return save_figures(figures, _figures(study))


def _figures(study: Study) -> Path:
    return study.folder / "figures"


def _value(trial: FrozenTrial) -> float | None:
    """What a trial is worth; Optuna takes its last loss for that of one that was ended early."""
    return trial.value if trial.state is TrialState.COMPLETE else None


def _metrics(trial: FrozenTrial) -> dict[str, float]:
    found: dict[str, float] = trial.user_attrs.get("metrics", {})
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else format_significant(value, 5)
