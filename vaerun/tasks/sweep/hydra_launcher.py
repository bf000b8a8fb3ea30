"""Trials of a sweep through one of Hydra's launchers, such as that of a cluster."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

from vaerun.config.groups import config_dir
from vaerun.tasks.sweep import trial_status
from vaerun.tasks.sweep.run_trial import run_trial
from vaerun.tasks.sweep.sweep import Sweep, Trial, open_sweep
from vaerun.utils.errors import UserError, format_value
from vaerun.utils.exit_status import INTERRUPTED

_LAUNCHER = "hydra/launcher="
_KEY = "hydra.launcher."


def run_through_hydra(sweep: Sweep, trials: Sequence[Trial], overrides: Sequence[str]) -> None:
    """Run the trials with Hydra's own program.

    Hydra gets only the folder of the sweep and the numbers of the trials, by `conf/sweep.yaml`.
    """
    # absolute, since a job may run in another working directory
    folder = str(sweep.folder.resolve()).replace("\\", "\\\\").replace("'", "\\'")
    numbers = ",".join(str(trial.number) for trial in trials)
    # Hydra reads sys.argv
    typed, sys.argv = sys.argv, ["vaerun", "--multirun", f"folder='{folder}'"]
    sys.argv += [f"trial={numbers}", f"hydra.sweep.dir='{folder}'", *overrides]
    sys.argv += processes(trials, overrides)
    try:
        main = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="sweep")
        with contextlib.suppress(SystemExit):  # the exit status comes from those of the trials
            main(job)()
    finally:
        sys.argv = typed
        for trial in trials:
            if trial_status.read(sweep, trial).status == trial_status.RUNNING:
                trial_status.mark_lost(sweep, trial, "its process ended without a word")


def processes(trials: Sequence[Trial], overrides: Sequence[str]) -> list[str]:
    """Overrides that request nodes, processes and GPUs from a scheduler's launcher, unless typed.

    A process is started for each device that a trial trains on.

    Raises
    ------
    UserError
        If the trials differ in these, or their number of devices is ``auto``.
    """
    launcher = [text.removeprefix(_LAUNCHER) for text in overrides if text.startswith(_LAUNCHER)]
    if not launcher or not any(name in launcher[-1] for name in ("slurm", "submitit")):
        return []
    trainers = [trial.plain["trainer"] for trial in trials]
    requests = {(one["devices"], one["nodes"], one["accelerator"]) for one in trainers}
    if len(requests) > 1:
        raise UserError(
            "trials that differ in trainer.devices, nodes or accelerator cannot share a job array",
            "give a command for each",
        )
    ((devices, nodes, accelerator),) = requests
    typed = {text.lstrip("+").split("=")[0].removeprefix(_KEY) for text in overrides}
    if devices == "auto":
        if "tasks_per_node" in typed:
            return []
        raise UserError(
            f"trainer.devices={format_value(devices)}: how many there will be has to be asked for",
            "give the devices of a node, as in trainer.devices=4",
        )
    wanted = {"nodes": nodes, "tasks_per_node": devices}
    if accelerator != "cpu" and "slurm" in launcher[-1]:
        wanted["gpus_per_node"] = devices
    return [f"{_KEY}{name}={n}" for name, n in wanted.items() if name not in typed]


def job(config: DictConfig) -> int:
    """Run one trial in a job of the launcher; returns its exit status."""
    from vaerun.training.worker import run_or_follow  # imports torch

    sweep = open_sweep(Path(config.folder))
    code = run_or_follow(lambda: run_trial(sweep, sweep.trials[config.trial - 1]))
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # ends the launcher, too
    return code
