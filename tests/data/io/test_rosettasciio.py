"""Files of Merlin detectors, written by hand, through RosettaSciIO."""

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
