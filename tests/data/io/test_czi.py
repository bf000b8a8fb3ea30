"""Zeiss's .czi files, written by hand: a header, blocks of one image each, their directory."""

import struct
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, Unreadable

IMAGES = np.random.default_rng(0).integers(0, 60000, (3, 20, 30)).astype("<u2")
GREY16 = 1
XML = (
    b'<ImageDocument><Metadata><Scaling><Items><Distance Id="X"><Value>2e-11</Value></Distance>'
    b'<Distance Id="Y"><Value>4e-11</Value></Distance></Items></Scaling></Metadata>'
    b"</ImageDocument>"
)


def segment(name: bytes, content: bytes) -> bytes:
    return struct.pack("<16sqq", name, len(content), len(content)) + content


def entry(at: int, time: int, sides: tuple[int, int], pyramid: int = 0) -> bytes:
    """What a block holds: an image of a time, at full resolution or a coarse copy."""
    stored = [side >> pyramid for side in sides]
    head = struct.pack("<2siqiiB5xi", b"DV", GREY16, at, 0, 0, pyramid, 3)
    axes = (b"X", 0, sides[1], stored[1]), (b"Y", 0, sides[0], stored[0]), (b"T", time, 1, 1)
    return head + b"".join(struct.pack("<4siifi", *one[:3], 0.0, one[3]) for one in axes)


def czi() -> bytes:
    """Three images of 20 by 30 pixels, and a coarse copy of the first."""
    raw, entries = segment(b"ZISRAWFILE", bytes(512)), []
    for time, image, pyramid in [*((t, one, 0) for t, one in enumerate(IMAGES)),
                                 (0, IMAGES[0, ::2, ::2], 1)]:  # fmt: skip
        entries.append(entry(len(raw), time, (20, 30), pyramid))
        head = struct.pack("<iiq", 0, 0, image.nbytes) + entries[-1]
        block = head + bytes(max(240 - len(entries[-1]), 0)) + image.tobytes()
        raw += segment(b"ZISRAWSUBBLOCK", block)
    directory = len(raw)
    raw += segment(b"ZISRAWDIRECTORY", struct.pack("<i124x", len(entries)) + b"".join(entries))
    places = directory, len(raw)
    raw += segment(b"ZISRAWMETADATA", struct.pack("<ii248x", len(XML), 0) + XML)
    head = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, bytes(16), bytes(16), 0, *places, 0, 0)
    return raw[:32] + head + raw[32 + len(head) :]


def test_images_are_read_at_full_resolution_with_their_pixels(tmp_path: Path):
    pytest.importorskip("czifile", reason="czifile, of the extra formats, is not installed")
    path, wanted = tmp_path / "x.czi", ArraySelector()
    path.write_bytes(czi())
    stored = open_array(path, wanted)
    assert (stored.axes, stored.pixel_nm, stored.aspect) == ("NYX", 0.02, 2)
    axes = axes_of(stored, path, wanted, frames=True)
    np.testing.assert_array_equal(images(stored, axes, 0, 3)[:, 0], IMAGES)
    path.write_bytes(path.read_bytes().replace(b"ZISRAWSUB", b"ZISRAWBUS", 1))
    with pytest.raises(Unreadable, match=r"x\.czi"):
        open_array(path, wanted)
