"""Trials through one of Hydra's launchers, such as that of a cluster."""

import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

from vaerun.config import conf_dir
from vaerun.dispatch import DONE, FAILED, INTERRUPTED
from vaerun.ranks.following import among_others
from vaerun.sweeps import records
from vaerun.sweeps.attempt import attempt
from vaerun.sweeps.sweep import Sweep, Trial, open_sweep


def run_through_hydra(sweep: Sweep, trials: Sequence[Trial], overrides: Sequence[str]) -> int:
    """Do the trials with Hydra's own program; returns the status that it ends with.

    Hydra is told only the folder and the number of each trial, and finds `conf/sweep.yaml`.
    """
    folder = str(sweep.folder).replace("\\", "\\\\").replace("'", "\\'")
    numbers = ",".join(str(trial.number) for trial in trials)
    # Hydra reads the process's own arguments; they are ours for as long as it runs.
    typed, sys.argv = sys.argv, ["vaerun", "--multirun", f"folder='{folder}'"]
    sys.argv += [f"trial={numbers}", f"hydra.sweep.dir='{folder}'", *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="sweep")(job)()
    except SystemExit as stop:
        return FAILED if stop.code else DONE
    finally:
        sys.argv = typed
        for trial in trials:
            if records.read(sweep, trial).status == records.RUNNING:
                records.lost(sweep, trial, "its process ended without a word")
    return DONE


def job(config: DictConfig) -> int:
    """One trial, wherever the launcher has it done; returns its exit status."""
    sweep = open_sweep(Path(config.folder))
    code = among_others(lambda: attempt(sweep, sweep.trials[config.trial - 1]))
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # ends the launcher's work
    return code
