"""Memory that a step has freed stays with the process while a network is trained on a CPU.

By itself glibc hands arrays of more than 32 MB back to the system as soon as they are freed. The
next step gets them anew, page by page and blank: a third of the time of a spatial decoder, whose
activations take hundreds of megabytes.
"""

import contextlib
import ctypes
import platform
from collections.abc import Iterator

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
_ALL = 2**31 - 1  # bytes
_USUAL = 32 * 2**20  # bytes; the most that glibc comes to by itself


@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Within, freed memory is kept; afterwards it goes back. Does nothing but under glibc."""
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    _set(libc, _ALL)
    try:
        yield
    finally:
        _set(libc, _USUAL)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, n_bytes: int) -> None:
    libc.mallopt(_MMAP, n_bytes)
    libc.mallopt(_TRIM, n_bytes)
