"""Freed memory is retained during training, and returned afterwards."""

import platform
import resource
import subprocess
import sys

import pytest
import torch

from vaerun.training import malloc

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
N_BYTES = 64 * 2**20


def large_array() -> None:
    """Allocate a large array, write to every page, and free it."""
    torch.empty(N_BYTES, dtype=torch.uint8).fill_(1)


def faults_of_arrays() -> int:
    """Page faults of ten large arrays, one after the other."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        large_array()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


def test_pages_of_large_arrays_are_reused():
    """In a process of its own: where the heap of another cannot grow, malloc maps every array."""
    subprocess.run([sys.executable, __file__], check=True)


def check_pages() -> None:
    """Assert that arrays fault anew before and after, and not in the context."""
    n_pages = N_BYTES // resource.getpagesize()
    assert faults_of_arrays() > 5 * n_pages
    with malloc.keep_freed_memory():
        faults_of_arrays()  # the heap grows until freed pieces of it fit
        faults_of_arrays()
        held = resident()
        assert faults_of_arrays() < n_pages
    assert resident() < held - N_BYTES / 2


if __name__ == "__main__":
    check_pages()
