"""Files of Merlin detectors, written by hand, and blockfiles through RosettaSciIO."""

from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector

STACK = np.arange(3 * 20 * 30, dtype=">u2").reshape(3, 20, 30)


def test_frames_of_a_merlin_detector_have_their_rows_from_the_top(tmp_path: Path):
    pytest.importorskip("rsciio")
    file = tmp_path / "a.mib"
    with file.open("wb") as opened:
        for i, image in enumerate(STACK):
            head = f"MQ1,{i + 1:06},00384,01,0030,0020,U16,   1x1,01,2020-05-18 16:51:49.971,5e-4,"
            head += "0,0,0,1.2E+2,5.1E+2,MQ1A,2020-05-18T16:51:49.971626178Z,555000ns,6,"
            opened.write(head.encode().ljust(384, b"\0"))
            opened.write(image[::-1].tobytes())  # the lowest row first
    stored = open_array(file, ArraySelector())
    assert stored.axes == "NYX"
    np.testing.assert_array_equal(stored.read(...), STACK)


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
