"""Status of each trial, in a small JSON file; and the run folders that belong to a trial.

A status is needed beside the run's manifest, since a trial may fail before it has a run folder.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import read_manifest
from vaerun.runs.resume import is_run_of, unfinished
from vaerun.tasks.sweep.sweep import Sweep, Trial, parent_of_runs
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, FAILED, INTERRUPTED
from vaerun.utils.files import is_held, write_text

WAITING, RUNNING, FINISHED = "waiting", "running", "finished"
_ENDS = {DONE: FINISHED, INTERRUPTED: "interrupted"}  # by exit status; all others are "failed"


@dataclass(frozen=True, kw_only=True)
class TrialStatus:
    """Status of a trial: ``waiting``, ``running``, ``finished``, ``failed`` or ``interrupted``."""

    status: str = WAITING
    run: str | None = None  # the run folder, once it is known
    code: int | None = None  # the exit status, once the trial has ended
    message: str = ""  # what went wrong, on one line
    seconds: float = 0.0  # of all sessions that ended

    @property
    def has_ended(self) -> bool:
        """Whether the trial finished, failed or was interrupted."""
        return self.status not in (WAITING, RUNNING)

    def after_session(self, code: int, message: str, seconds: float) -> Self:
        """The status after a session with this exit status."""
        status, seconds = _ENDS.get(code, "failed"), self.seconds + seconds
        return replace(self, status=status, code=code, message=message, seconds=seconds)

    def as_finished(self, run: Path) -> Self:
        """The status of a trial whose run has finished."""
        return replace(self, status=FINISHED, run=str(run), code=DONE, message="")


def read(sweep: Sweep, trial: Trial) -> TrialStatus:
    """Read the status of a trial; without a readable file it is waiting."""
    try:
        values = json.loads(sweep.file(trial, ".json").read_text(encoding="utf-8"))
        return TrialStatus(**values)
    except (OSError, ValueError, TypeError):
        return TrialStatus()


def write(sweep: Sweep, trial: Trial, status: TrialStatus) -> None:
    """Write the status of a trial."""
    text = json.dumps(asdict(status), ensure_ascii=False)
    write_text(sweep.file(trial, ".json"), text + "\n")


def pending_trials(sweep: Sweep) -> list[Trial]:
    """The trials that have not finished; corrects the status of killed trials and removed runs."""
    pending = []
    for trial in sweep.trials:
        status, run = read(sweep, trial), finished_run(sweep, trial)
        if run is None:
            pending.append(trial)
            if status.status == FINISHED:  # its run folder was removed
                write(sweep, trial, TrialStatus())
            elif status.status == RUNNING and not is_held(sweep.file(trial, ".lock")):
                write(sweep, trial, replace(status, status=WAITING))
        elif status.status != FINISHED:
            write(sweep, trial, status.as_finished(run))
    return pending


def mark_lost(sweep: Sweep, trial: Trial, why: str) -> None:
    """Mark a trial as failed if its process ended without recording a status."""
    status = read(sweep, trial)
    if not status.has_ended:
        write(sweep, trial, status.after_session(FAILED, why, 0.0))


def finished_run(sweep: Sweep, trial: Trial) -> Path | None:
    """The finished run of a trial, recorded in its status or not."""
    status = read(sweep, trial)
    if status.status == FINISHED and status.run is not None:
        recorded = RunFolder(Path(status.run))
        manifest = read_manifest(recorded)
        if recorded.path.is_dir() and manifest.get("status", FINISHED) == FINISHED:
            return recorded.path
    runs = _runs_of(sweep, trial)
    return next((f.path for f in runs if read_manifest(f).get("status") == FINISHED), None)


def resumable_run(sweep: Sweep, trial: Trial) -> Path | None:
    """An unfinished run of a trial that can be resumed."""
    plain, parent = trial.plain, parent_of_runs(trial.plain)
    if parent is None:
        return None
    run = unfinished(plain["out"], plain["model"]["name"], plain["data"]["name"], plain)
    return None if run is None or run.path.name in sweep.older.get(str(parent), []) else run.path


def newest_run(sweep: Sweep, trial: Trial) -> Path | None:
    """The newest run folder of a trial, which failed before it returned the path."""
    runs = [folder.path for folder in _runs_of(sweep, trial)]
    return max(runs, key=lambda path: path.stat().st_ctime_ns, default=None)


def _runs_of(sweep: Sweep, trial: Trial) -> list[RunFolder]:
    """Run folders with the config of a trial, not older than the sweep nor another trial's."""
    parent = parent_of_runs(trial.plain)
    if parent is None:
        return []
    older = sweep.older.get(str(parent), [])
    folders = [RunFolder(p) for p in parent.glob("version_*") if p.name not in older]
    if not folders:
        return []
    others = {read(sweep, other).run for other in sweep.trials if other is not trial}
    return [f for f in folders if str(f.path) not in others and _has_config(f, trial)]


def _has_config(folder: RunFolder, trial: Trial) -> bool:
    try:
        return is_run_of(folder, trial.plain)
    except (OSError, UserError):
        return False
