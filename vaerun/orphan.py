"""A process that ends with the one that started it, however that one ends."""

import os
import signal
import threading
import time
from collections.abc import Callable

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
