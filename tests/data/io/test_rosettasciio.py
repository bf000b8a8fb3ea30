"""Files of Merlin detectors, written by hand, and blockfiles through RosettaSciIO."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, Unreadable

STACK = np.arange(3 * 20 * 30, dtype=">u2").reshape(3, 20, 30)


def write_mib(file: Path, frames: np.ndarray, seconds: Sequence[int]) -> None:
    """Frames that were taken at some times, with their lowest rows first."""
    with file.open("wb") as opened:
        for i, (image, second) in enumerate(zip(frames, seconds, strict=True)):
            head = f"MQ1,{i + 1:06},00384,01,0030,0020,U16,   1x1,01,2020-05-18 16:51:49.971,5e-4,"
            head += f"0,0,0,1.2E+2,5.1E+2,MQ1A,2020-05-18T16:51:{second:02}.971626Z,555000ns,6,"
            opened.write(head.encode().ljust(384, b"\0"))
            opened.write(image[::-1].tobytes())


def test_frames_of_a_merlin_detector_have_their_rows_from_the_top(tmp_path: Path):
    pytest.importorskip("rsciio", reason="RosettaSciIO, an extra, is not installed")
    file = tmp_path / "a.mib"
    write_mib(file, STACK, range(3))
    stored = open_array(file, ArraySelector())
    assert stored.axes == "NYX"
    np.testing.assert_array_equal(stored.read(...), STACK)
    file.write_bytes(file.read_bytes()[:-9])
    stored = open_array(file, ArraySelector())
    np.testing.assert_array_equal(stored.read(...), STACK[:2])
    assert stored.notes == ("a.mib ends within a frame: the 2 before it are read",)


def test_frames_of_a_merlin_detector_at_any_times_are_all_read(tmp_path: Path):
    pytest.importorskip("rsciio", reason="RosettaSciIO, an extra, is not installed")
    frames = np.concatenate([STACK, STACK[:2]]).astype(">u2")
    write_mib(tmp_path / "a.mib", frames, [0, 1, 5, 6, 7])  # as if lines had two frames
    np.testing.assert_array_equal(
        open_array(tmp_path / "a.mib", ArraySelector()).read(...), frames
    )


def test_a_blockfile_is_a_scan_of_diffraction_patterns(tmp_path: Path):
    pytest.importorskip("rsciio", reason="RosettaSciIO, an extra, is not installed")
    blockfile = pytest.importorskip("rsciio.blockfile")
    scan = np.random.default_rng(0).integers(0, 255, (2, 3, 20, 20)).astype(np.uint8)
    names, units = ("y", "x", "dy", "dx"), ("nm", "nm", "cm", "cm")
    axes = [
        {"name": name, "size": n, "scale": 1.0, "offset": 0.0, "units": unit, "navigate": i < 2}
        for i, (name, n, unit) in enumerate(zip(names, scan.shape, units, strict=True))
    ]
    signal = {"data": scan, "axes": axes, "attributes": {"_lazy": False}}
    signal |= {"metadata": {}, "original_metadata": {}}
    blockfile.file_writer(tmp_path / "x.blo", signal, navigator=None, show_progressbar=False)
    stored = open_array(tmp_path / "x.blo", ArraySelector())
    assert stored.axes == "NNYX"
    np.testing.assert_array_equal(stored.read(...), scan)
    (tmp_path / "x.blo").write_bytes((tmp_path / "x.blo").read_bytes()[:-300])
    with pytest.raises(Unreadable, match=r"x\.blo cannot be read: it ends before the last of"):
        open_array(tmp_path / "x.blo", ArraySelector())
