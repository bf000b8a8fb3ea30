"""The report of a study: `table.md`, `table.csv` and figures of the trials of all workers."""

import math
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from scipy.stats import spearmanr

from vaerun.evaluation.figures import save_figures
from vaerun.evaluation.figures.tuning_study import draw_history, draw_importance, draw_slices
from vaerun.evaluation.metrics.catalogue import label_of
from vaerun.evaluation.run_comparison import metric_of
from vaerun.tasks.tune.search_space import Range, override
from vaerun.tasks.tune.study import SharedStudy
from vaerun.utils.files import write_csv, write_text
from vaerun.utils.format import format_significant, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = ("reward.drawn", "reward.latents", "reward.passed", "reward.grouped")
WATCHED = ("elbo.loss", *_PARTS, "clustering.hungarian", "classification.accuracy", "knn_accuracy")
_FROM_LABELS = ("clustering.hungarian", "classification.accuracy")  # metrics that need true labels
_STATES = {"COMPLETE": "done", "PRUNED": "ended early", "FAIL": "failed", "RUNNING": "running"}
_number = partial(format_significant, digits=5)
_MIN_TRIALS = 4  # with a value, for importances and correlations


def watched(metrics: dict[str, Any]) -> dict[str, float]:
    """The metrics of a trial that the study records."""
    values = {path: metric_of(metrics, path) for path in WATCHED}
    return {path: value for path, value in values.items() if value is not None}


def setting(study: SharedStudy, trial: Trial | FrozenTrial) -> list[str]:
    """The overrides of a trial."""
    return [override(key, trial.params[key]) for key in study.space]


def command(study: SharedStudy, typed: Sequence[str], trial: FrozenTrial) -> str:
    """The command that trains the setting of a trial on its own."""
    return shlex.join(["vaerun", *typed, *setting(study, trial)])


def agreement(study: SharedStudy) -> tuple[str, float, int] | None:
    """Agreement of the objective with a metric from true labels, over the complete trials.

    Returns
    -------
    tuple or None
        Path of the metric, Spearman's ρ (positive if better by one is better by the other) and
        number of trials. None without true labels, or where the objective is that metric.
    """
    for path in _FROM_LABELS:
        pairs = [(t.value, t.user_attrs["metrics"].get(path)) for t in study.complete]
        labelled = [(value, true) for value, true in pairs if true is not None]
        if study.objective.path == path or len(labelled) < _MIN_TRIALS:
            continue
        value, true = np.array(labelled, float).T
        if np.ptp(value) > 0 and np.ptp(true) > 0:
            sign = -1 if study.objective.less_is_better else 1
            return path, sign * float(spearmanr(value, true).statistic), len(labelled)
    return None


def write_table(study: SharedStudy, typed: Sequence[str]) -> None:
    """Write `table.md` and, with all digits, `table.csv`."""
    trials = study.settings
    shown = [path for path in WATCHED if any(path in _metrics(t) for t in trials)]
    rows, exact = [], []
    for t in trials:
        number, state = t.user_attrs["number"], _STATES[t.state.name]
        name = f"{number} (preset)" if t.user_attrs.get("is_preset") else str(number)
        measured = [_value(t), *(_metrics(t).get(path) for path in shown)]
        searched = [text.partition("=")[2] for text in setting(study, t)]
        rows.append([name, state, *map(_number, measured), *searched])
        exact.append([number, state, *measured, *searched, study.run_folder(t).path])
    labels = [study.objective.path, *map(label_of, shown)]
    table = markdown_table(["trial", "state", *labels, *study.space], rows)
    write_text(study.folder / "table.md", _summary(study, typed) + table)
    head = ["trial", "state", "value", *shown, *study.space, "run"]
    write_csv(study.folder / "table.csv", head, exact)


def _summary(study: SharedStudy, typed: Sequence[str]) -> str:
    """Markdown above the table: the best trial, the rank correlation and the figures."""
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


def write_figures(study: SharedStudy) -> dict[str, Path]:
    """Draw the history of a study, the importance of each key and the values by key."""
    trials, name = study.settings, study.objective.path
    if not study.complete:
        return {}
    value = np.array([math.nan if (v := _value(t)) is None else v for t in trials])
    preset = next((i for i, t in enumerate(trials) if t.user_attrs.get("is_preset")), None)
    less = study.objective.less_is_better
    figures: dict[str, Figure] = {
        "history": draw_history(value, name, less_is_better=less, preset=preset),
        "slices": draw_slices(
            {key: [t.params[key] for t in trials] for key in study.space},
            value,
            name,
            [k for k, d in study.space.items() if isinstance(d, Range) and d.log],
        ),
    }
    values = value[np.isfinite(value)]
    if len(values) >= _MIN_TRIALS and np.ptp(values) > 0 and len(study.space) > 1:
        importance = optuna.importance.get_param_importances(study.optuna)
        figures["importance"] = draw_importance(importance, name)
    return save_figures(figures, _figures(study))


def _figures(study: SharedStudy) -> Path:
    return study.folder / "figures"


def _value(trial: FrozenTrial) -> float | None:
    """The objective of a trial; of a pruned one Optuna has only its last loss, hence None."""
    return trial.value if trial.state is TrialState.COMPLETE else None


def _metrics(trial: FrozenTrial) -> dict[str, float]:
    metrics: dict[str, float] = trial.user_attrs.get("metrics", {})
    return metrics
