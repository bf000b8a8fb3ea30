"""Several trials at a time on one machine, each a process of its own with its share of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.live_display import LiveDisplay
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.utils.devices import environments
from vaerun.utils.exit_status import PARENT

PROGRAM = [sys.executable, "-m", "vaerun"]
_EVERY = 0.2  # seconds


@dataclass(frozen=True)
class _Worker:
    trial: Trial
    process: subprocess.Popen[bytes]
    share: dict[str, str]


def run_in_processes(
    sweep: Sweep, trials: Sequence[Trial], jobs: int, screen: LiveDisplay
) -> None:
    """Do the trials; an interrupt is passed on to those at work, and raised when they are done."""
    jobs = min(jobs, len(trials))
    shares, waiting, workers = environments(jobs), list(trials), list[_Worker]()
    try:
        with screen:
            while waiting or workers:
                while waiting and shares:
                    trial = waiting.pop(0)
                    workers.append(_start(sweep, trial, shares.pop(0)))
                    screen.started(trial)
                time.sleep(_EVERY)
                for worker in [one for one in workers if one.process.poll() is not None]:
                    workers.remove(worker)
                    shares.append(worker.share)
                    _note_the_lost(sweep, worker)
                    screen.ended(worker.trial)
                screen.look([worker.trial for worker in workers])
    finally:
        _end(workers)


def _start(sweep: Sweep, trial: Trial, share: dict[str, str]) -> _Worker:
    environment = {**os.environ, **share, "PYTHONUNBUFFERED": "1", PARENT: str(os.getpid())}
    with sweep.file(trial, ".log").open("ab") as log:
        process = subprocess.Popen(
            [*PROGRAM, "-m", f"sweep.folder={sweep.folder}", f"sweep.trial={trial.number}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            # Ctrl-C in the terminal is for us alone, who pass it on once
            process_group=0,
        )
    return _Worker(trial, process, share)


def _note_the_lost(sweep: Sweep, worker: _Worker) -> None:
    code = worker.process.returncode
    why = f"its process ended with status {code}"
    if code < 0:
        why = f"its process was killed by {signal.Signals(-code).name}"
    trial_status.mark_lost(sweep, worker.trial, f"{why}, see {sweep.file(worker.trial, '.log')}")


def _end(workers: Sequence[_Worker]) -> None:
    """Interrupt those at work and wait until their run folders are consistent."""
    for worker in workers:
        worker.process.terminate()
    try:
        for worker in workers:
            worker.process.wait()
    except KeyboardInterrupt:  # a second one: at once, then
        for worker in workers:
            worker.process.kill()
        raise
