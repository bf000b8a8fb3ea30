"""Run one trial once: skip, resume or start its run, under the trial's own lock."""

import time
from dataclasses import replace
from pathlib import Path

from vaerun.tasks.registry import run_one
from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.tasks.sweep.table import write_tables
from vaerun.tasks.sweep.trial_status import RUNNING, TrialStatus
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, INTERRUPTED, guarded
from vaerun.utils.files import file_lock, is_held

_MESSAGE_WIDTH = 300  # characters


def run_trial(sweep: Sweep, trial: Trial) -> int:
    """Run a trial unless its run has finished; returns its exit status."""
    lock = sweep.file(trial, ".lock")
    if is_held(lock):
        print(f"another process is at trial {trial.number}: waiting for it", flush=True)
    with file_lock(lock):
        status = trial_status.read(sweep, trial)
        run = trial_status.finished_run(sweep, trial)
        if run is not None:
            _write(sweep, trial, status.as_finished(run))
            print(f"run: {run}", flush=True)
            return DONE
        return _run(sweep, trial, status.seconds)


def _run(sweep: Sweep, trial: Trial, seconds: float) -> int:
    """Run the task of a trial and record how it ended; `seconds` is what it has taken before."""
    resumed = trial_status.resumable_run(sweep, trial)
    status = TrialStatus(status=RUNNING, run=_text(resumed), seconds=seconds)
    _write(sweep, trial, status)
    plain = trial.plain if resumed is None else trial.plain | {"resume": str(resumed)}
    run, message, start = resumed, "", time.monotonic()

    def work() -> int:
        nonlocal run, message
        try:
            run = run_one(plain, trial.overrides, sweep.command)
        except Exception as error:
            message = _one_line(error)
            raise
        return DONE

    code = INTERRUPTED  # of a SystemExit, by which a scheduler stops the process for later
    try:
        code = guarded(work)
    finally:
        status = status.after_session(code, message, time.monotonic() - start)
        run = run or trial_status.newest_run(sweep, trial)
        _write(sweep, trial, replace(status, run=_text(run)))
    return code


def _write(sweep: Sweep, trial: Trial, status: TrialStatus) -> None:
    trial_status.write(sweep, trial, status)
    write_tables(sweep)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return f"{kind}{text}"[:_MESSAGE_WIDTH]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
