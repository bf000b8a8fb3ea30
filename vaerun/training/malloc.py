"""Keep freed memory within the process while a network is trained on a CPU.

By default glibc returns arrays of more than 32 MB to the system as soon as they are freed, and the
next step gets them again page by page, zeroed. That took a third of the time of a spatial decoder,
whose activations take hundreds of megabytes.
"""

import contextlib
import ctypes
import platform
from collections.abc import Iterator

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
_ALL = 2**31 - 1  # bytes
_DEFAULT = 32 * 2**20  # bytes; the largest threshold that glibc chooses by itself


@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep freed memory until the context ends; does nothing without glibc."""
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    _set(libc, _ALL)
    try:
        yield
    finally:
        _set(libc, _DEFAULT)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, n_bytes: int) -> None:
    libc.mallopt(_MMAP, n_bytes)
    libc.mallopt(_TRIM, n_bytes)
