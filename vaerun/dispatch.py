"""Validate a composed config, do its task; the only place that knows exit statuses.

0 done; 2 the user's input is wrong, one line on standard error; 1 a failure of ours, with
traceback; 130 interrupted.
"""

from pathlib import Path


def run_one(plain: dict[str, object], overrides: list[str], command: list[str]) -> Path:
    """Validate a composed config, do its task, name the run folder; returns that folder."""
    from vaerun.runs.config import validate
    from vaerun.runs.manifest import Job
    from vaerun.tasks import TASKS

    config = validate(plain)
    job = Job(plain=plain, overrides=overrides, command=command)
    folder = TASKS[config.task.name](config, job)
    print(f"run: {folder}", flush=True)
    return folder
