"""A full disk and forbidden places are told as that, and nothing else is."""

import errno
import subprocess
import sys

import pytest

from vaerun.utils.disk import disk_fault
from vaerun.utils.exit_status import WRONG_INPUT, guarded

FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded", "x.h5"),
    OSError("200000 requested and 25584 written"),  # numpy
    RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_no_room_is_told_whoever_writes(error: Exception):
    assert str(disk_fault(error, "out=results")).startswith("out=results has no room left (")
    wrapped = ValueError("while saving")
    wrapped.__cause__ = error
    assert "has no room left" in str(disk_fault(wrapped))


def test_a_forbidden_place_is_told():
    fault = disk_fault(OSError(errno.EROFS, "Read-only file system", "/cdrom/x"))
    assert str(fault).startswith("/cdrom/x cannot be written to (Read-only file system) — write")


@pytest.mark.parametrize(
    "error", [ValueError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("x")]
)
def test_other_errors_are_not_the_disks(error: Exception):
    assert disk_fault(error) is None


def test_the_exit_status_is_that_of_wrong_input(capsys: pytest.CaptureFixture[str]):
    def work() -> int:
        raise FULL[0]

    assert guarded(work) == WRONG_INPUT
    assert capsys.readouterr().err.count("\n") == 1


# As an ulimit or a quota: writes beyond 100 kB of a file fail, in the libraries that we write by.
WRITE = """
import resource, sys
import h5py, numpy as np, torch
from vaerun.utils.disk import disk_fault
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
numbers = np.random.rand(50_000)
def hdf5():
    with h5py.File("x.h5", "w") as file:
        file["x"] = numbers
ways = [hdf5, lambda: np.save("x.npy", numbers), lambda: np.savez("x.npz", x=numbers),
        lambda: torch.save({"x": torch.rand(50_000)}, "x.pt")]
for way in ways:
    try:
        way()
    except Exception as error:
        print(str(disk_fault(error, "out=x"))[:23])
"""


def test_libraries_that_write_by_themselves_are_understood(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", WRITE], cwd=tmp_path, capture_output=True, text=True
    )
    assert answer.stdout.splitlines() == ["out=x has no room left "] * 4, answer.stderr
