"""Validate a composed config, do its task; the only place that knows exit statuses.

0 done; 2 the user's input is wrong, one line on standard error; 1 a failure of ours, with
traceback; 130 interrupted.
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from vaerun.errors import UserError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def guarded(work: Callable[[], int]) -> int:
    """The exit status of some work, whatever it raises; faults go to standard error."""
    try:
        return work()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the boundary of the program
        traceback.print_exc()
        return FAILED


def run_one(plain: dict[str, object], overrides: list[str], command: list[str]) -> Path:
    """Validate a composed config, do its task, name the run folder; returns that folder."""
    from vaerun.config import validate
    from vaerun.manifest import Job
    from vaerun.tasks import TASKS

    config = validate(plain)
    job = Job(plain=plain, overrides=overrides, command=command)
    folder = TASKS[config.task.name](config, job)
    print(f"run: {folder}", flush=True)
    return folder
