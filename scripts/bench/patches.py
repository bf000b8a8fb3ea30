"""Synthetic patches for the benchmark of data sets that do not fit in memory."""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

SIDE = 40
_DIFFERENT = 20_000


def draw_patches(file: Path, n: int) -> None:
    """Write n patches (n, 40, 40), uint8: bright ellipses at any angle, of three widths.

    Only the first 20,000 differ, which saves time and changes nothing for a reader of the file.
    """
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    different = np.empty((min(n, _DIFFERENT), SIDE, SIDE), np.uint8)
    for patch in different:
        angle, width = rng.uniform(-np.pi, np.pi), rng.choice([2, 4, 7])
        along = column * np.cos(angle) - row * np.sin(angle)
        across = column * np.sin(angle) + row * np.cos(angle)
        bright = np.exp(-((along / 9) ** 2) - (across / width) ** 2)
        patch[:] = np.clip(150 * bright * (1 + 0.7 * np.tanh(along / 4)), 0, 255)
    half_written = file.with_suffix(".part")
    # not memory-mapped: pages of this process would count as memory of its children
    with half_written.open("wb") as stream:
        about = {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE)}
        npy.write_array_header_1_0(stream, about)
        for first in range(0, n, _DIFFERENT):
            different[: n - first].tofile(stream)
    half_written.rename(file)
