"""Exit statuses of the program, and the signals and dead parents that end it early.

0 done; 2 the user's input is wrong, or disk or memory too small, one line on standard error; 1
another failure, with its traceback; 130 interrupted.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from vaerun.utils.disk import disk_fault
from vaerun.utils.errors import UserError
from vaerun.utils.memory import memory_fault

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
PARENT = "VAERUN_PARENT"  # environment variable: process id of the vaerun that started this one
_POLL_SECONDS = 0.5
_OF_SCHEDULERS = (signal.SIGTERM, signal.SIGUSR1)


def guarded(work: Callable[[], int]) -> int:
    """The exit status of some work, whatever it raises; faults go to standard error."""
    try:
        return work()
    except UserError as error:
        return _say(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary of the program
        fault = disk_fault(error) or memory_fault(error)
        if fault is not None:
            return _say(fault)
        traceback.print_exc()
        return FAILED


def _say(fault: UserError) -> int:
    """Print a fault as one line; returns the exit status that goes with it."""
    print(f"error: {' '.join(str(fault).split())}", file=sys.stderr)
    return WRONG_INPUT


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """While the body runs, SIGTERM and SIGUSR1 interrupt as Ctrl-C does."""
    if not can_be_handled():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in _OF_SCHEDULERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def can_be_handled() -> bool:
    """Whether this is the main thread, the only one that may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def interrupt() -> None:
    """Send SIGTERM to this process, which then leaves a consistent run folder."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent(end: Callable[[], None] = interrupt) -> None:
    """If another vaerun started this process, end this one once that one is gone."""
    parent = os.environ.pop(PARENT, "")  # not for the processes that this one starts
    if parent:
        threading.Thread(target=_watch, args=(int(parent), end), daemon=True).start()


def _watch(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    end()
