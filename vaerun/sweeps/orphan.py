"""A process that ends with the one that started it, however that one ends."""

import os
import signal
import threading
import time

PARENT = "VAERUN_SWEEP_PARENT"
_EVERY = 0.5  # seconds


def end_with_parent() -> None:
    """If a pool started this process, end it as SIGTERM does once the pool is gone."""
    # taken out, since what this process starts has other parents
    parent = os.environ.pop(PARENT, "")
    if parent:
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
