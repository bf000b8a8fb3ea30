"""`task=tune`: many trials of a model's settings, each better informed than the last.

vaerun task=tune model=jrvae data=cards_iv task.n_trials=30

The same command given again goes on with the study; given several times at once, it is shared.
"""

import hashlib
import json
import time
from pathlib import Path

from rich.console import Console

from vaerun.config.schema import without
from vaerun.config.task import TuneConfig
from vaerun.evaluation.metrics import catalogue
from vaerun.runs import manifest
from vaerun.runs.config import INCIDENTAL, RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import print_table, show_log
from vaerun.tasks.tune import report
from vaerun.tasks.tune.engine import Trial
from vaerun.tasks.tune.objective import Objective, objective_of
from vaerun.tasks.tune.search_space import Space, outside, read_space, values_at
from vaerun.tasks.tune.study import Study
from vaerun.tasks.tune.trial import Pruning, Trials, for_runs
from vaerun.training.callbacks import Diverged
from vaerun.training.context import fingerprint
from vaerun.training.hardware import Hardware
from vaerun.utils.errors import UserError


def tune(config: RunConfig, job: RunRequest) -> Path:
    """Search until there are enough trials; returns the folder of the study.

    Raises
    ------
    UserError
        If Optuna is missing, or what is searched or sought is no part of this model.
    """
    assert isinstance(config.task, TuneConfig)
    console = Console()
    show_log(console)
    objective = objective_of(config)
    typed = for_runs(job.overrides)
    space = read_space(config.task.space or config.model.name, typed)
    hardware = Hardware.find(config.trainer)
    trials = Trials(job, hardware, console)
    splits = trials.splits(config)
    about = RunFacts(device=hardware.device, data_fingerprint=fingerprint(job, splits))
    folder = _folder(config, job, space, objective)
    prune_from = int(config.task.prune_after * config.trainer.max_epochs)
    study = Study(
        folder.path,
        space,
        objective,
        seed=config.seed,
        n_trials=config.task.n_trials,
        prune_from=prune_from if config.task.prune else None,
    )
    with study, manifest.recorded(folder, job, about, is_shared=True):
        _begin(study, job, console)
        try:
            _search(study, trials, console)
        finally:
            report.write_table(study, typed)
        if report.write_figures(study):
            report.write_table(study, typed)  # which shows them
    _close(study, typed, console)
    return folder.path


def _folder(config: RunConfig, job: RunRequest, space: Space, objective: Objective) -> RunFolder:
    """Where a study is kept: the same for all commands that ask for the same."""
    kept = without(job.plain, INCIDENTAL)
    kept["space"] = {key: dimension.plain() for key, dimension in space.items()}
    kept["objective_of_study"] = [objective.path, objective.less_is_better]
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:8]
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


def _begin(study: Study, job: RunRequest, console: Console) -> None:
    """Put the preset first in line, say what is searched and how far the study is."""
    study.begin_with(values_at(study.space, job.plain))
    rows = [
        ("study", f"{study.n_done} of {study.n_trials} trials done, {len(study.running)} at work"),
        ("searched", ", ".join(study.space)),
        ("for", f"{'least' if study.objective.less_is_better else 'most'} {study.objective.path}"),
        ("folder", str(study.folder)),
    ]
    beyond = list(outside(study.space, job.plain))
    if beyond:
        rows.append(("not tried", f"the preset: {', '.join(beyond)} is not in the space"))
    print_table(console, rows)


def _search(study: Study, trials: Trials, console: Console) -> None:
    """Trial after trial, until there are enough."""
    while (trial := study.next()) is not None:
        _try(study, trials, trial, console)
        report.write_table(study, trials.typed)


def _try(study: Study, trials: Trials, trial: Trial, console: Console) -> None:
    """One trial, told to the study whatever comes of it."""
    number = trial.user_attrs["number"]
    job = trials.job(report.setting(study, trial))
    console.print(f"[bold]trial {number}[/]  {' '.join(job.overrides[len(trials.typed) :])}")
    losses = trial.user_attrs.get("losses", {})
    pruning = Pruning(trial, study.objective.less_is_better, losses)
    begin = time.monotonic()
    try:
        outcome = trials.run(job, study.run_folder(trial), pruning)
        value = study.objective.of(outcome.metrics)
    except KeyboardInterrupt:
        study.give_back(trial)
        raise
    except Exception as fault:
        study.fail(trial, str(fault))
        # one setting may be beyond the machine or diverge; a fault of the first is of them all
        if not study.complete and not isinstance(fault, Diverged):
            raise
        console.print(f"[yellow]trial {number} failed: {fault}[/]")
        return
    trial.set_user_attr("metrics", report.watched(outcome.metrics))
    trial.set_user_attr("seconds", round(time.monotonic() - begin, 1))
    study.tell(trial, value, was_pruned=outcome.was_pruned)
    end = "ended early" if outcome.was_pruned else f"{study.objective.path} {value:.5g}"
    best = study.best
    so_far = (
        "" if best is None else f"; best {best.value:.5g} of trial {best.user_attrs['number']}"
    )
    console.print(f"trial {number}: {end}{so_far}")


def _close(study: Study, typed: list[str], console: Console) -> None:
    """The best trial, ready to paste, and where to look."""
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
        # as it is: a line that rich has folded cannot be pasted
        print(report.command(study, typed, best), flush=True)
