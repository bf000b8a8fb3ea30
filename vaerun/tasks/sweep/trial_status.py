"""How each trial stands: a small file, written by whoever is at it and read by all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import read_manifest
from vaerun.runs.resume import is_run_of, unfinished
from vaerun.tasks.sweep.sweep import Sweep, Trial, place_of_runs
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, FAILED, INTERRUPTED
from vaerun.utils.files import is_held, write_text

WAITING, RUNNING, FINISHED = "waiting", "running", "finished"
ENDS = {DONE: FINISHED, INTERRUPTED: "interrupted"}  # by exit status; all others are failures
FAILURE = "failed"


@dataclass(frozen=True, kw_only=True)
class TrialStatus:
    """How a trial stands.

    Attributes
    ----------
    status
        ``waiting``, ``running``, ``finished``, ``failed`` or ``interrupted``.
    run
        Its run folder, once it is known.
    code
        The exit status, once it has one.
    message
        What went wrong, on one line.
    seconds
        That it took, in all sessions that came to an end.
    """

    status: str = WAITING
    run: str | None = None
    code: int | None = None
    message: str = ""
    seconds: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Well or not."""
        return self.status not in (WAITING, RUNNING)


def read(sweep: Sweep, trial: Trial) -> TrialStatus:
    """The record of a trial; that of one that waits where there is none."""
    try:
        values = json.loads(sweep.file(trial, ".json").read_text(encoding="utf-8"))
        return TrialStatus(**values)
    except (OSError, ValueError, TypeError):
        return TrialStatus()


def write(sweep: Sweep, trial: Trial, record: TrialStatus) -> None:
    """Keep a record."""
    text = json.dumps(asdict(record), ensure_ascii=False)
    write_text(sweep.file(trial, ".json"), text + "\n")


def ended(record: TrialStatus, code: int, message: str, seconds: float) -> TrialStatus:
    """A record at the end of a session."""
    return replace(
        record,
        status=ENDS.get(code, FAILURE),
        code=code,
        message=message,
        seconds=record.seconds + seconds,
    )


def pending_trials(sweep: Sweep) -> list[Trial]:
    """The trials that are yet to finish; what died without a word is put right in the records."""
    found = []
    for trial in sweep.trials:
        record, run = read(sweep, trial), finished_run(sweep, trial)
        if run is None:
            found.append(trial)
            if record.status == FINISHED:  # the user has removed its run
                write(sweep, trial, TrialStatus())
            elif record.status == RUNNING and not is_held(sweep.file(trial, ".lock")):
                write(sweep, trial, replace(record, status=WAITING))
        elif record.status != FINISHED:
            write(sweep, trial, as_finished(record, run))
    return found


def as_finished(record: TrialStatus, run: Path) -> TrialStatus:
    """The record of a trial whose run was found to have finished."""
    return replace(record, status=FINISHED, run=str(run), code=DONE, message="")


def mark_lost(sweep: Sweep, trial: Trial, why: str) -> None:
    """Record a trial whose process has gone without saying how it went."""
    record = read(sweep, trial)
    if not record.has_ended:
        write(sweep, trial, ended(record, FAILED, why, 0.0))


def finished_run(sweep: Sweep, trial: Trial) -> Path | None:
    """The run of a trial that has finished, recorded or not."""
    record = read(sweep, trial)
    if record.status == FINISHED and record.run is not None:
        recorded = RunFolder(Path(record.run))
        manifest = read_manifest(recorded)
        if recorded.path.is_dir() and manifest.get("status", FINISHED) == FINISHED:
            return recorded.path
    for folder in _unrecorded(sweep, trial):
        if _is_finished(folder) and _is_of(folder, trial.plain):
            return folder.path
    return None


def run_to_go_on_with(sweep: Sweep, trial: Trial) -> Path | None:
    """A run of this trial that stopped early and can be resumed."""
    plain, place = trial.plain, place_of_runs(trial.plain)
    if place is None:
        return None
    found = unfinished(plain["out"], plain["model"]["name"], plain["data"]["name"], plain)
    if found is None or found.path.name in sweep.older.get(str(place), []):
        return None
    return found.path


def newest_run(sweep: Sweep, trial: Trial) -> Path | None:
    """The run folder of a trial that did not come to say which it was."""
    found = [f.path for f in _unrecorded(sweep, trial) if _is_of(f, trial.plain)]
    return max(found, key=lambda path: path.stat().st_ctime_ns, default=None)


def _unrecorded(sweep: Sweep, trial: Trial) -> list[RunFolder]:
    """Run folders of the time of the sweep that are not known to be another trial's."""
    place = place_of_runs(trial.plain)
    if place is None:
        return []
    older = sweep.older.get(str(place), [])
    found = [path for path in place.glob("version_*") if path.name not in older]
    if not found:
        return []
    others = [other for other in sweep.trials if other is not trial]
    theirs = {read(sweep, other).run for other in others}
    return [RunFolder(path) for path in found if str(path) not in theirs]


def _is_finished(folder: RunFolder) -> bool:
    return read_manifest(folder).get("status") == FINISHED


def _is_of(folder: RunFolder, plain: Mapping[str, Any]) -> bool:
    """Whether a run was asked for by this config."""
    try:
        return is_run_of(folder, plain)
    except (OSError, UserError):
        return False
