"""Arrays whose names differ in a number are one stack, in any file."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector
from vaerun.data.io.numbered_arrays import find_stacks

STACK = np.arange(12 * 20 * 30).reshape(12, 20, 30)


def names_of(*names: str, shape: tuple[int, ...] = (20, 30)) -> list[list[str]]:
    """The stacks that images of some names make."""
    types = dict.fromkeys(names, np.dtype(np.uint8))
    return list(find_stacks(dict.fromkeys(names, shape), types, ArraySelector()).values())


def test_a_number_counts_wherever_it_stands():
    assert names_of("m_10/raw_0", "m_9/raw_0") == [["m_9/raw_0", "m_10/raw_0"]]


def test_of_two_numbers_the_last_counts_within_the_first():
    assert names_of("a1/f1", "a2/f1", "a1/f2", "a2/f2") == [["a1/f1", "a1/f2"], ["a2/f1", "a2/f2"]]


def test_words_and_tables_make_no_stack():
    assert names_of("images", "masks") == []
    assert names_of("t1", "t2", shape=(500, 3)) == []


def write_h5(file: Path) -> None:
    with h5py.File(file, "w") as opened:
        for i, image in enumerate(STACK):
            opened[f"scan_{i:03}/channel_0/raw"] = image


def write_npz(file: Path) -> None:
    np.savez(file, *STACK)  # arr_0, arr_1, …


def write_cells(file: Path) -> None:
    cells = np.empty((1, len(STACK)), object)
    cells[0] = list(STACK)
    savemat(file, {"cells": cells})


def write_structure(file: Path) -> None:
    savemat(file, {"scan": {"images": STACK.transpose(1, 2, 0)}})


@pytest.mark.parametrize(
    ("ending", "write"),
    [("h5", write_h5), ("npz", write_npz), ("mat", write_cells), ("mat", write_structure)],
)
def test_the_parts_come_in_the_order_of_their_numbers(tmp_path: Path, ending: str, write):
    file = tmp_path / f"x.{ending}"
    write(file)
    stored = open_array(file, ArraySelector())
    images = stored.read(...)
    first = np.moveaxis(images, -1, 0) if stored.axes == "YXN" else images
    np.testing.assert_array_equal(first, STACK)
