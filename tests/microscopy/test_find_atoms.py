"""Atoms are detected once for the same frames and the same arithmetic."""

from pathlib import Path

import numpy as np
import pytest

from vaerun.microscopy import find_atoms
from vaerun.microscopy.frame import Frame


def test_atoms_are_detected_again_only_if_something_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    frames = [Frame(image=np.zeros((32, 32), np.float32), pixel_nm=0.014, name="empty")]
    calls = []
    original = find_atoms._detect

    def counted(*given: object, **named: object) -> dict[str, np.ndarray]:
        calls.append(named)
        return original(*given, **named)

    monkeypatch.setattr(find_atoms, "_detect", counted)
    for mixed in (False, False, True):
        monkeypatch.setattr(find_atoms, "quick_at_bfloat16", lambda _, mixed=mixed: mixed)
        images, detected = find_atoms.find_atoms(frames, tmp_path, progress=False)
    assert [named["mixed"] for named in calls] == [False, True]
    assert (images[0].shape, len(detected[0].position)) == ((32, 32), 0)
