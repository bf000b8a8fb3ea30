"""What the program can be asked to do, by the name that `task=` gives."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaerun.config import RunConfig
    from vaerun.manifest import Job


def _train(config: "RunConfig", job: "Job") -> Path:
    # torch is imported with the task, not with its name
    from vaerun.tasks.train import train

    return train(config, job)


def _atoms(config: "RunConfig", job: "Job") -> Path:
    from vaerun.tasks.atoms import atoms

    return atoms(config, job)


# `task.name` → a function of config and job that returns the run folder
TASKS: dict[str, Callable[["RunConfig", "Job"], Path]] = {"train": _train, "atoms": _atoms}
