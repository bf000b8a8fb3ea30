"""Task names and the functions that do them."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaerun.runs.config import RunConfig
    from vaerun.runs.manifest import RunRequest

Task = Callable[["RunConfig", "RunRequest"], Path]

# `task.name` → the module, under vaerun.tasks, with a function of that name
_MODULES = {
    "train": "train",
    "evaluate": "evaluate",
    "encode": "encode",
    "compare": "compare",
    "tune": "tune.task",
    "atoms": "atoms",
}


def _imported_when_called(name: str) -> Task:
    """The function of a task, whose module (and torch) is imported only when it is called."""

    def call(config: "RunConfig", request: "RunRequest") -> Path:
        task: Task = getattr(import_module(f"vaerun.tasks.{_MODULES[name]}"), name)
        return task(config, request)

    return call


# `task.name` → a function of config and request that returns the run folder
TASKS: dict[str, Task] = {name: _imported_when_called(name) for name in _MODULES}


def run_one(plain: dict[str, object], overrides: list[str], command: list[str]) -> Path:
    """Validate a composed config, do its task, print and return the run folder."""
    from vaerun.runs.config import validate
    from vaerun.runs.manifest import RunRequest

    config = validate(plain)
    request = RunRequest(plain=plain, overrides=overrides, command=command)
    folder = TASKS[config.task.name](config, request)
    print(f"run: {folder}", flush=True)
    return folder
