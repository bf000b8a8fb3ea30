"""`task=tune`: many trials of a model's settings, each chosen by what the earlier ones achieved.

vaerun task=tune model=jrvae data=cards_iv task.n_trials=30

The same command given again continues the study; given several times at once, it shares it.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from optuna.trial import Trial
from rich.console import Console
from rich.markup import escape

from vaerun.config.schema import without
from vaerun.config.task import TuneConfig
from vaerun.evaluation.metrics import catalogue
from vaerun.runs import manifest
from vaerun.runs.config import INCIDENTAL, RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import open_console, print_table
from vaerun.tasks.trial import TrialRunner
from vaerun.tasks.tune import report
from vaerun.tasks.tune.objective import TuningObjective, objective_of, usual_space
from vaerun.tasks.tune.pruning import PruningCallback, without_study_keys
from vaerun.tasks.tune.search_space import Space, outside, read_space, values_at
from vaerun.tasks.tune.study import SharedStudy
from vaerun.training.auto_keys import with_usual_batch_size
from vaerun.training.callbacks import Diverged
from vaerun.training.context import fingerprint
from vaerun.training.hardware import Hardware
from vaerun.utils.errors import UserError


def tune(config: RunConfig, request: RunRequest) -> Path:
    """Search until there are enough trials; returns the folder of the study.

    Raises
    ------
    UserError
        If Optuna is missing, or the space or the objective does not fit this model.
    """
    assert isinstance(config.task, TuneConfig)
    console = open_console()
    objective = objective_of(config)
    typed = without_study_keys(request.overrides)
    space = read_space(config.task.space or usual_space(config.model.name, objective), typed)
    hardware = Hardware.find(config.trainer)
    runner = TrialRunner(typed, hardware, console)
    splits = runner.splits(config)
    data_fingerprint = fingerprint(request, splits)
    preset = with_usual_batch_size(request.plain, splits, hardware)
    facts = RunFacts(device=hardware.device, data_fingerprint=data_fingerprint)
    folder = _study_folder(config, request, space, objective)
    prune_from = int(config.task.prune_after * config.trainer.max_epochs)
    study = SharedStudy(
        folder=folder.path,
        space=space,
        objective=objective,
        seed=config.seed,
        n_trials=config.task.n_trials,
        prune_from=prune_from if config.task.prune and not objective.is_reward else None,
    )
    with study, manifest.recorded(folder, request, facts, is_shared=True):
        study.enqueue_preset(values_at(space, preset))
        _print_opening(study, preset, console)
        try:
            while (trial := study.next()) is not None:
                _run_trial(study, runner, trial, console)
                report.write_table(study, typed)
        finally:
            report.write_table(study, typed)
        if report.write_figures(study):
            report.write_table(study, typed)  # once more, with the figures
    _print_closing(study, typed, console)
    return folder.path


def _study_folder(
    config: RunConfig, request: RunRequest, space: Space, objective: TuningObjective
) -> RunFolder:
    """Create the folder of a study, the same for all commands that ask for the same study."""
    identity = without(request.plain, INCIDENTAL)
    identity["space"] = {key: asdict(dimension) for key, dimension in space.items()}
    identity["objective_of_study"] = [objective.path, objective.less_is_better]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    parent = Path(config.out).expanduser() / "tune" / f"{config.model.name}_{config.data.name}"
    path = parent / f"study_{digest}"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"out={config.out} cannot hold a study ({error.strerror}: {error.filename})",
            "give a folder that can be written to, such as out=outputs",
        ) from error
    return RunFolder(path)


def _print_opening(study: SharedStudy, preset: Mapping[str, Any], console: Console) -> None:
    """Print the progress of the study, the searched keys and the objective."""
    rows = [
        ("study", f"{study.n_done} of {study.n_trials} trials done, {len(study.running)} at work"),
        ("searched", ", ".join(study.space)),
        ("for", f"{'least' if study.objective.less_is_better else 'most'} {study.objective.path}"),
        ("folder", str(study.folder)),
    ]
    not_in_space = ", ".join(outside(study.space, preset))
    if not_in_space:
        rows.append(("not tried", f"the preset: {not_in_space} is not in the space"))
    print_table(console, rows)


def _run_trial(study: SharedStudy, runner: TrialRunner, trial: Trial, console: Console) -> None:
    """Run one trial and record its outcome in the study, also if it fails."""
    number = trial.user_attrs["number"]
    request = runner.request(report.setting(study, trial))
    setting = escape(" ".join(request.overrides[len(runner.typed) :]))
    console.print(f"[bold]trial {number}[/]  {setting}")
    losses = trial.user_attrs.get("losses", {})
    pruning = PruningCallback(trial, study.objective.less_is_better, losses)
    start = time.monotonic()
    try:
        metrics = runner.run(request, study.run_folder(trial), [pruning])
        value = study.objective.value(metrics)
    except KeyboardInterrupt:
        study.give_back(trial)
        raise
    except Exception as fault:
        study.fail(trial, str(fault))
        # a later trial may fail by its setting (too large, divergent); if the first fails, all do
        if not study.complete and not isinstance(fault, Diverged):
            raise
        console.print(f"[yellow]trial {number} failed: {escape(str(fault))}[/]")
        return
    trial.set_user_attr("metrics", report.watched(metrics))
    trial.set_user_attr("seconds", round(time.monotonic() - start, 1))
    study.complete_trial(trial, value, was_pruned=pruning.was_pruned)
    end = "ended early" if pruning.was_pruned else f"{study.objective.path} {value:.5g}"
    best = study.best
    if best is not None:
        end += f"; best {best.value:.5g} of trial {best.user_attrs['number']}"
    console.print(f"trial {number}: {end}")


def _print_closing(study: SharedStudy, typed: list[str], console: Console) -> None:
    """Print the best trial, its command and the path of the table."""
    rows = [("trials", f"{study.n_done} of {study.n_trials}")]
    if study.running:
        rows.append(("at work", f"{len(study.running)} with other workers"))
    best = study.best
    if best is not None:
        rows.append(("best", f"{best.value:.6g}, trial {best.user_attrs['number']}"))
    agreed = report.agreement(study)
    if agreed is not None:
        rows.append((f"rank correlation with {catalogue.label_of(agreed[0])}", f"{agreed[1]:.2f}"))
    print_table(console, [*rows, ("table", str(study.folder / "table.md"))])
    if best is not None:
        # not by rich, which would fold the line so that it cannot be pasted
        print(report.command(study, typed, best), flush=True)
