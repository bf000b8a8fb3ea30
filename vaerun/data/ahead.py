"""Work done ahead of whoever wants it, by a thread of its own."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

import torch

T = TypeVar("T")


def ahead(items: Generator[T, None, None], n: int) -> Iterator[T]:
    """The same items in the same order, made by a thread that is at most n of them ahead.

    It begins when the first is wanted. An error in the making is raised where its item would have
    come; whoever wants no more of them closes this, and the thread ends.

    Parameters
    ----------
    items
        Makes each item when it is asked for it.
    n
        Items that are made or in the making, beside the one that is in use.
    """
    n_threads = torch.get_num_threads()
    slots, made = threading.Semaphore(n), queue.SimpleQueue[tuple[T] | BaseException | None]()
    is_over = threading.Event()

    def work() -> None:
        torch.set_num_threads(1)  # of this thread: see below
        try:
            with contextlib.closing(items):
                slots.acquire()
                for item in items:
                    made.put((item,))
                    del item  # it may be large, and is another's now
                    slots.acquire()
                    if is_over.is_set():
                        return
            made.put(None)
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            made.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        found = made.get()
        # Torch takes the last number that was set for that of threads to come. In ours and theirs
        # together there may be no more of them than processors, or OpenMP has all of them sleep
        # between any two operations: a step would take twice as long.
        torch.set_num_threads(n_threads)
        while found is not None:
            if isinstance(found, BaseException):
                raise found
            slots.release()
            yield found[0]
            found = made.get()
    finally:
        is_over.set()
        slots.release()
        thread.join()
