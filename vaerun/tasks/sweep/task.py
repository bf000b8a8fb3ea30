"""`vaerun -m`: every combination is checked before the first run starts, then run as a sweep.

vaerun -m model=rvae,vae seed=0,1,2 sweep.jobs=2

The same command given again finds its sweep and runs the trials that have not finished.
"""

from collections.abc import Sequence
from pathlib import Path

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
from vaerun.tasks.sweep.sweep import (
    Sweep,
    Trial,
    find_or_create,
    open_sweep,
    same_trial,
    with_metric,
)
from vaerun.utils.errors import UserError, raise_all
from vaerun.utils.exit_status import INTERRUPTED, end_with_parent


def multirun(overrides: Sequence[str], command: list[str]) -> int:
    """Run the trials that have not finished, or one alone; returns the exit status."""
    end_with_parent()
    request = parse_sweep(overrides)
    sweep = _sweep(request, command)
    if request.settings.trial is not None:
        return _run_one(sweep, request.settings.trial)
    console = Console()
    n_trials, pending = len(sweep.trials), trial_status.pending_trials(sweep)
    console.print(Text(f"sweep of {n_trials} trials: {sweep.folder}"), soft_wrap=True)
    if len(pending) < n_trials:
        done = f"{n_trials - len(pending)} of them have finished already"
        console.print(f"{done}; sweep.fresh=true would start again", soft_wrap=True)
    try:
        _run(sweep, pending, request, console)
    except KeyboardInterrupt:
        finish_sweep(sweep, console)
        raise
    return finish_sweep(sweep, console)


def _sweep(request: SweepRequest, command: list[str]) -> Sweep:
    """The sweep in `sweep.folder`, or that of the trials that were typed."""
    settings = request.settings
    if settings.folder is None:
        sweep = find_or_create(_checked_trials(request), command, settings)
    else:
        sweep = open_sweep(Path(settings.folder).expanduser())
        if not request.given & {"metric", "minimise"}:
            return sweep
    return with_metric(sweep, settings.metric, minimise=settings.less_is_better)


def _checked_trials(request: SweepRequest) -> list[Trial]:
    """Every combination once, or one `UserError` that names each fault once."""
    faults: dict[str, UserError] = {}
    trials: list[Trial] = []
    with hydra_at_conf():
        for overrides in expand_sweep(request.runs):
            # overrides of Hydra are checked with the first trial; they are no part of the run
            hydra = [] if trials else request.hydra
            try:
                plain = compose([*with_inherited_data(overrides), *hydra])
                validate(plain)
            except UserError as fault:
                faults.setdefault(str(fault), fault)
                continue
            if not any(same_trial(plain, t.plain) and plain["out"] == t.plain["out"]
                       for t in trials):  # fmt: skip
                trials.append(Trial(number=len(trials) + 1, overrides=overrides, plain=plain))
    raise_all(list(faults.values()))
    processes(trials, request.hydra)  # raises, if it does, before a folder is created
    return trials


def _run(sweep: Sweep, trials: Sequence[Trial], request: SweepRequest, console: Console) -> None:
    """Run trials through Hydra's launcher, in processes, or one after another in this one."""
    if not trials:
        return
    if request.hydra:
        run_through_hydra(sweep, trials, request.hydra)
    elif request.settings.jobs > 1:
        run_in_processes(sweep, trials, request.settings.jobs, LiveDisplay(sweep, console))
    else:
        for trial in trials:
            title = sweep.title(trial)
            print(f"trial {trial.number} of {len(sweep.trials)}: {title}", flush=True)
            if run_trial(sweep, trial) == INTERRUPTED:
                raise KeyboardInterrupt


def _run_one(sweep: Sweep, number: int) -> int:
    """Run one trial, as a worker or a task of a job array; the last to end draws the summary."""
    if number > len(sweep.trials):
        raise UserError(
            f"sweep.trial={number}, but the sweep has {len(sweep.trials)} trials",
            f"give a number from 1 to {len(sweep.trials)}",
        )
    code = run_trial(sweep, sweep.trials[number - 1])
    if all(trial_status.read(sweep, trial).has_ended for trial in sweep.trials):
        draw_summary(sweep)
    return code
