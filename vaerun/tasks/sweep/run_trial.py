"""One trial, done once: its run is found, gone on with or begun, under the trial's own lock."""

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
    """Do a trial unless its run has finished; returns its exit status, recorded with the rest."""
    lock = sweep.file(trial, ".lock")
    if is_held(lock):
        print(f"another process is at trial {trial.number}: waiting for it", flush=True)
    with file_lock(lock):
        before = trial_status.read(sweep, trial)
        run = trial_status.finished_run(sweep, trial)
        if run is not None:
            _keep(sweep, trial, trial_status.as_finished(before, run))
            print(f"run: {run}", flush=True)
            return DONE
        goes_on = trial_status.run_to_go_on_with(sweep, trial)
        _keep(
            sweep,
            trial,
            TrialStatus(status=RUNNING, run=_text(goes_on), seconds=before.seconds),
        )
        return _run(sweep, trial, goes_on)


def _run(sweep: Sweep, trial: Trial, goes_on: Path | None) -> int:
    """Do its task and record how it ended."""
    plain = trial.plain if goes_on is None else trial.plain | {"resume": str(goes_on)}
    record, start = trial_status.read(sweep, trial), time.monotonic()
    folders: list[Path] = []
    messages: list[str] = []

    def work() -> int:
        try:
            folders.append(run_one(plain, trial.overrides, sweep.command))
        except Exception as error:
            messages.append(_one_line(error))
            raise
        return DONE

    code = INTERRUPTED  # if a scheduler takes the process away, to go on with it later
    try:
        code = guarded(work)
    finally:
        run = folders[0] if folders else goes_on or trial_status.newest_run(sweep, trial)
        record = replace(record, run=_text(run))
        seconds = time.monotonic() - start
        _keep(sweep, trial, trial_status.ended(record, code, "".join(messages), seconds))
    return code


def _keep(sweep: Sweep, trial: Trial, record: TrialStatus) -> None:
    trial_status.write(sweep, trial, record)
    write_tables(sweep)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return f"{kind}{text}"[:_MESSAGE_WIDTH]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
