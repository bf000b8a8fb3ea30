"""The tasks of the program, by the name that `task=` gives."""

from vaerun.tasks.registry import TASKS, run_one

__all__ = ["TASKS", "run_one"]
