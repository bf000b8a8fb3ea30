"""Validate a composed config, do its task; the only place that knows exit statuses.

0 done; 2 the user's input is wrong, one line on standard error; 1 a failure of ours, with
traceback; 130 interrupted.

A process that ends with the one that started it, however that one ends.
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

from vaerun.utils.errors import UserError

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


PARENT = "VAERUN_PARENT"
_EVERY = 0.5  # seconds


def interrupt() -> None:
    """End this process as SIGTERM does: what it writes is made consistent."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent(end: Callable[[], None] = interrupt) -> None:
    """If one of ours started this process, end it once that one is gone."""
    # taken out, since what this process starts has other parents
    parent = os.environ.pop(PARENT, "")
    if parent:
        threading.Thread(target=_watch, args=(int(parent), end), daemon=True).start()


def _watch(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY)
    end()


_OF_SCHEDULERS = (signal.SIGTERM, signal.SIGUSR1)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def can_be_handled() -> bool:
    """Only the main thread handles signals: whoever runs us elsewhere does so there."""
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """Within, SIGTERM and SIGUSR1 interrupt as Ctrl-C does."""
    if not can_be_handled():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in _OF_SCHEDULERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
