"""`vaerun -m`: every combination proved before the first run starts, then done as a sweep.

vaerun -m model=rvae,vae seed=0,1,2 sweep.jobs=2

Given again, the same command finds its sweep and does what is left of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from vaerun.config.compose import compose, expand_sweep, hydra_at_conf
from vaerun.runs.config import validate
from vaerun.runs.inherited_overrides import with_inherited_data
from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.hydra_launcher import processes, run_through_hydra
from vaerun.tasks.sweep.live_display import LiveDisplay
from vaerun.tasks.sweep.process_pool import run_in_processes
from vaerun.tasks.sweep.run_trial import run_trial
from vaerun.tasks.sweep.settings import SweepRequest, parse_sweep
from vaerun.tasks.sweep.summary import draw_summary, finish_sweep
from vaerun.tasks.sweep.sweep import Sweep, Trial, find_or_begin, judged_by, open_sweep, same_trial
from vaerun.utils.errors import UserError, raise_all
from vaerun.utils.exit_status import INTERRUPTED, end_with_parent


def multirun(overrides: Sequence[str], command: list[str]) -> int:
    """Do all trials, or what is left of them, or one alone; returns the exit status."""
    end_with_parent()
    typed = parse_sweep(overrides)
    sweep = _sweep(typed, command)
    if typed.settings.trial is not None:
        return _one_alone(sweep, typed.settings.trial)
    console = Console()
    left = trial_status.pending_trials(sweep)
    _print_opening(sweep, len(left), console)
    try:
        _do(sweep, left, typed, console)
    except KeyboardInterrupt:
        finish_sweep(sweep, console)
        raise
    return finish_sweep(sweep, console)


def _sweep(typed: SweepRequest, command: list[str]) -> Sweep:
    """The sweep that is named, or that of the trials that were typed, begun if need be."""
    settings = typed.settings
    if settings.folder is not None:
        sweep = open_sweep(Path(settings.folder).expanduser())
        if not typed.given & {"metric", "minimise"}:
            return sweep
    else:
        trials = _proved_trials(typed)
        parent = Path(trials[0].plain["out"]).expanduser() / "multirun"
        asked = Sweep(
            folder=parent,
            command=command,
            trials=trials,
            older={},
            metric=settings.metric,
            minimise=settings.less_is_better,
        )
        sweep = find_or_begin(parent, asked, settings.name, fresh=settings.fresh)
    return judged_by(sweep, settings.metric, minimise=settings.less_is_better)


def _proved_trials(typed: SweepRequest) -> list[Trial]:
    """Every combination, each once, or one `UserError` for all of them, each fault once."""
    faults: dict[str, UserError] = {}
    trials: list[Trial] = []
    with hydra_at_conf():
        for overrides in expand_sweep(typed.runs):
            try:
                # Hydra's own are proved with the first; they are no part of the run
                plain = compose(
                    [*with_inherited_data(overrides), *([] if trials else typed.hydra)]
                )
                validate(plain)
            except UserError as fault:
                faults.setdefault(str(fault), fault)
                continue
            if not any(_is_twin(plain, trial.plain) for trial in trials):
                trials.append(Trial(number=len(trials) + 1, overrides=overrides, plain=plain))
    raise_all(list(faults.values()))
    processes(trials, typed.hydra)  # before anything is begun
    return trials


def _is_twin(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether a combination was there already, in the same place too."""
    return same_trial(first, second) and first["out"] == second["out"]


def _do(sweep: Sweep, left: Sequence[Trial], typed: SweepRequest, console: Console) -> None:
    """Do what is left: through Hydra's launcher, in processes, or one after another here."""
    if not left:
        return
    if typed.hydra:
        run_through_hydra(sweep, left, typed.hydra)
    elif typed.settings.jobs > 1:
        run_in_processes(sweep, left, typed.settings.jobs, LiveDisplay(sweep, console))
    else:
        for trial in left:
            title = sweep.title(trial)
            print(f"trial {trial.number} of {len(sweep.trials)}: {title}", flush=True)
            if run_trial(sweep, trial) == INTERRUPTED:
                raise KeyboardInterrupt


def _one_alone(sweep: Sweep, number: int) -> int:
    """Do one trial, as a worker or a task of a job array does; the last one draws the summary."""
    if number > len(sweep.trials):
        raise UserError(
            f"sweep.trial={number}, but the sweep has {len(sweep.trials)} trials",
            f"give a number from 1 to {len(sweep.trials)}",
        )
    code = run_trial(sweep, sweep.trials[number - 1])
    if all(trial_status.read(sweep, trial).has_ended for trial in sweep.trials):
        draw_summary(sweep)
    return code


def _print_opening(sweep: Sweep, n_left: int, console: Console) -> None:
    """What will be done, and where it is kept."""
    n_trials = len(sweep.trials)
    console.print(Text(f"sweep of {n_trials} trials: {sweep.folder}"), soft_wrap=True)
    if n_left < n_trials:
        done = f"{n_trials - n_left} of them have finished already"
        console.print(f"{done}; sweep.fresh=true would begin anew", soft_wrap=True)
