"""Several trials at a time on one machine, each a process with its share of cores and GPUs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence

from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.live_display import LiveDisplay
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.utils.devices import environments
from vaerun.utils.exit_status import PARENT

PROGRAM = [sys.executable, "-m", "vaerun"]
_POLL_SECONDS = 0.2

Process = subprocess.Popen[bytes]


def run_in_processes(
    sweep: Sweep, trials: Sequence[Trial], jobs: int, display: LiveDisplay
) -> None:
    """Run the trials; an interrupt ends the running ones, and is raised once they have ended."""
    jobs = min(jobs, len(trials))
    shares, waiting = environments(jobs), list(trials)
    running: dict[Process, tuple[Trial, dict[str, str]]] = {}
    try:
        with display:
            while waiting or running:
                while waiting and shares:
                    trial, share = waiting.pop(0), shares.pop(0)
                    running[_start(sweep, trial, share)] = trial, share
                    display.started(trial)
                time.sleep(_POLL_SECONDS)
                for process in [one for one in running if one.poll() is not None]:
                    trial, share = running.pop(process)
                    shares.append(share)
                    _mark_if_lost(sweep, trial, process.returncode)
                    display.ended(trial)
                display.update([trial for trial, _ in running.values()])
    finally:
        _end(running)


def _start(sweep: Sweep, trial: Trial, share: Mapping[str, str]) -> Process:
    environment = {**os.environ, **share, "PYTHONUNBUFFERED": "1", PARENT: str(os.getpid())}
    with sweep.file(trial, ".log").open("ab") as log:
        return subprocess.Popen(
            [*PROGRAM, "-m", f"sweep.folder={sweep.folder}", f"sweep.trial={trial.number}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            # Ctrl-C in the terminal reaches this process alone, which passes it on once
            process_group=0,
        )


def _mark_if_lost(sweep: Sweep, trial: Trial, code: int) -> None:
    why = f"its process ended with status {code}"
    if code < 0:
        why = f"its process was killed by {signal.Signals(-code).name}"
    trial_status.mark_lost(sweep, trial, f"{why}, see {sweep.file(trial, '.log')}")


def _end(processes: Collection[Process]) -> None:
    """Interrupt the processes and wait until their run folders are consistent."""
    for process in processes:
        process.terminate()
    try:
        for process in processes:
            process.wait()
    except KeyboardInterrupt:  # the second one: do not wait
        for process in processes:
            process.kill()
        raise
