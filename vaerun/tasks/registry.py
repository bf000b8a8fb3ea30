"""Task names and the functions that do them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaerun.runs.config import RunConfig
    from vaerun.runs.manifest import RunRequest


# torch is imported with the task, not with its name


def _train(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.train import train

    return train(config, job)


def _evaluate(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.evaluate import evaluate

    return evaluate(config, job)


def _encode(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.encode import encode

    return encode(config, job)


def _compare(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.compare import compare

    return compare(config, job)


def _atoms(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.atoms import atoms

    return atoms(config, job)


def _tune(config: "RunConfig", job: "RunRequest") -> Path:
    from vaerun.tasks.tune.task import tune

    return tune(config, job)


# `task.name` → a function of config and job that returns the run folder
TASKS: dict[str, Callable[["RunConfig", "RunRequest"], Path]] = {
    "train": _train,
    "evaluate": _evaluate,
    "encode": _encode,
    "compare": _compare,
    "tune": _tune,
    "atoms": _atoms,
}


def run_one(plain: dict[str, object], overrides: list[str], command: list[str]) -> Path:
    """Validate a composed config, do its task, name the run folder; returns that folder."""
    from vaerun.runs.config import validate
    from vaerun.runs.manifest import RunRequest

    config = validate(plain)
    job = RunRequest(plain=plain, overrides=overrides, command=command)
    folder = TASKS[config.task.name](config, job)
    print(f"run: {folder}", flush=True)
    return folder
