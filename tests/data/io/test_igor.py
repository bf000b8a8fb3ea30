"""Igor's binary waves of version 5, written by hand."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, Unreadable
from vaerun.utils.errors import UserError

IMAGES = np.random.default_rng(0).random((3, 20, 30)).astype("<f4")
TYPE, NAME = 2, 32  # of numbers in 32 bits; characters of a name


def ibw(wave: np.ndarray, steps: Sequence[float], labels: Sequence[str] = ()) -> bytes:
    """A wave of float32, whose first axis varies fastest, with lengths in m."""
    sides = [*wave.shape, 0, 0, 0][:4]
    named = b"".join(name.encode().ljust(NAME, b"\0") for name in ("", *labels) if labels)
    numbers = wave.tobytes(order="F")
    header = struct.pack("<IIIihh6xh32sii", 0, 0, 0, wave.size, TYPE, 0, 1, b"wave", 0, 0)
    header += struct.pack("<4i8d", *sides, *[*steps, 1, 1, 1][:4], 0, 0, 0, 0)
    header += bytes(4) + b"m\0\0\0" * 2 + bytes(8) + struct.pack("<hhdd", 0, 0, 0, 0)
    header = header.ljust(320, b"\0")
    first = struct.pack("<hiiii", 0, 320 + len(numbers), 0, 0, 0) + bytes(16)
    first += struct.pack("<4i", 0, 0, len(named), 0) + bytes(12)
    total = sum(struct.unpack("<192h", struct.pack("<h", 5) + first + header))
    first = struct.pack("<h", (-total + 2**15) % 2**16 - 2**15) + first[2:]
    return struct.pack("<h", 5) + first + header + numbers + named


def opened(path: Path, **selector: object) -> np.ndarray:
    wanted = ArraySelector(**selector)
    stored = open_array(path, wanted)
    assert stored.pixel_nm == pytest.approx(0.02)
    assert stored.aspect == pytest.approx(2)
    axes = axes_of(stored, path, wanted, frames=True)
    return images(stored, axes, 0, axes.n)[:, 0]


def test_waves_are_images_whose_first_axis_are_columns(tmp_path: Path):
    pytest.importorskip("igor2", reason="igor2, of the extra formats, is not installed")
    (tmp_path / "a.ibw").write_bytes(ibw(IMAGES[0].T, (2e-11, 4e-11)))
    (tmp_path / "b.ibw").write_bytes(ibw(IMAGES.T, (2e-11, 4e-11)))
    np.testing.assert_array_equal(opened(tmp_path / "a.ibw"), IMAGES[:1])
    np.testing.assert_array_equal(opened(tmp_path / "b.ibw"), IMAGES)


def test_named_layers_are_channels_to_choose_from(tmp_path: Path):
    pytest.importorskip("igor2", reason="igor2, of the extra formats, is not installed")
    path = tmp_path / "x.ibw"
    path.write_bytes(ibw(IMAGES.T, (2e-11, 4e-11), ["Height", "Phase", "Amplitude"]))
    np.testing.assert_array_equal(opened(path, key="Phase"), IMAGES[1:2])
    with pytest.raises(UserError, match=r"several images .* Height, Phase, Amplitude — choose"):
        opened(path)
    whole = path.read_bytes()
    for raw in (whole[:-9], whole[:150], whole[:140] + b"9" + whole[141:], b"", whole[1:]):
        path.write_bytes(raw)
        with pytest.raises(Unreadable, match=r"x\.ibw"):
            opened(path)
    path.write_bytes(whole)  # what was read of a damaged one leaves no trace
    np.testing.assert_array_equal(opened(path, key="Phase"), IMAGES[1:2])
