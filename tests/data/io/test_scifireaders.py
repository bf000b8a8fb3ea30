"""Files of Gatan's DigitalMicrograph, written by hand, through SciFiReaders."""

import struct
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector

STACK = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
GROUP, DATA = 20, 21


def group(**tags: bytes | tuple[bytes, ...]) -> bytes:
    """A group of tags; a tuple is one of nameless groups or numbers."""
    parts = [tag(name, value) for name, value in tags.items()]
    return struct.pack(">BBI", 0, 0, len(parts)) + b"".join(parts)


def tag(name: str, value: bytes | tuple[bytes, ...]) -> bytes:
    """A tag with its name, of numbers where its value begins as such."""
    if isinstance(value, tuple):
        value = struct.pack(">BBI", 0, 0, len(value)) + b"".join(tag("", one) for one in value)
    kind = DATA if value.startswith(b"%%%%") else GROUP
    return struct.pack(">BH", kind, len(name)) + name.encode() + value


def number(value: float) -> bytes:
    """A whole number in 32 bits, or a float."""
    code, letter = (6, "f") if isinstance(value, float) else (5, "I")
    return b"%%%%" + struct.pack(">II", 1, code) + struct.pack(f"<{letter}", value)


def array(values: np.ndarray, code: int) -> bytes:
    return b"%%%%" + struct.pack(">IIII", 3, 20, code, values.size) + values.tobytes()


def axis(unit: str) -> bytes:
    text = np.frombuffer(unit.encode("utf-16-le"), np.uint16)
    return group(Origin=number(0.0), Scale=number(0.5), Units=array(text, 4))


def image(values: np.ndarray, code: int, kind: int) -> bytes:
    units = ["nm", "nm", "s"][: values.ndim]
    data = group(
        Calibrations=group(Brightness=axis("e"), Dimension=tuple(map(axis, units))),
        Data=array(values, code),
        DataType=number(kind),
        Dimensions=tuple(map(number, values.shape[::-1])),
        PixelDepth=number(values.itemsize),
    )
    name = array(np.frombuffer("a".encode("utf-16-le"), np.uint16), 4)
    return group(ImageData=data, ImageTags=group(), Name=name, UniqueID=(number(1),))


def test_a_stack_of_digitalmicrograph_is_read_past_its_preview(tmp_path: Path):
    pytest.importorskip("SciFiReaders")
    preview = image(np.zeros((8, 8), np.int32), 3, 7)
    root = group(DocumentObjectList=group(), ImageList=(preview, image(STACK, 4, 10)))
    file = tmp_path / "a.dm3"
    file.write_bytes(struct.pack(">III", 3, len(root) + 4, 1) + root + bytes(8))
    stored = open_array(file, ArraySelector())
    np.testing.assert_array_equal(stored.read(...), STACK)
    assert stored.pixel_nm == pytest.approx(0.5)
