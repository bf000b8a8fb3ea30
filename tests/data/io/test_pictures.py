"""PNG and JPEG pictures come in as any viewer shows them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, Unreadable
from vaerun.utils.errors import UserError

GREY = (np.arange(20 * 30).reshape(20, 30) % 251).astype(np.uint8)


def png(image: np.ndarray, bits: int, kind: int) -> bytes:
    """A PNG file of an image (H, W[, colours])."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in image)
    height, width = image.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_is_turned_as_its_orientation_says(
    tmp_path: Path, orientation: int, ending: str
):
    turns = [
        lambda x: x, np.fliplr, lambda x: np.rot90(x, 2), np.flipud,
        np.transpose, np.rot90, lambda x: np.rot90(x, 2).T, lambda x: np.rot90(x, -1),
    ]  # fmt: skip
    tag = Image.Exif()
    tag[0x0112] = orientation
    smooth = np.linspace(0, 200, 600).reshape(20, 30).astype(np.uint8)
    stored = np.ascontiguousarray(turns[orientation - 1](smooth))
    Image.fromarray(stored).save(tmp_path / f"x.{ending}", exif=tag, quality=100)
    array = open_array(tmp_path / f"x.{ending}", ArraySelector()).read(...)
    np.testing.assert_allclose(array.astype(int), smooth, atol=0 if ending == "png" else 3)


@pytest.mark.parametrize(("kind", "colours"), [(2, 3), (4, 2), (6, 4)])
def test_colour_of_16_bits_is_read_in_full_or_the_package_is_named(
    tmp_path: Path, kind: int, colours: int
):
    deep = np.stack([GREY.astype(np.uint16) * 200 + i for i in range(colours)], axis=-1)
    (tmp_path / "x.png").write_bytes(png(deep, 16, kind))
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"16-bit colour.*pip install 'vaerun\[codecs\]'"):
            open_array(tmp_path / "x.png", ArraySelector())
    else:
        found = open_array(tmp_path / "x.png", ArraySelector()).read(...)
        np.testing.assert_array_equal(found, deep[..., 0] if colours == 2 else deep)


def test_grey_of_16_bits_and_a_picture_above_pillows_limit_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # an error from 200 pixels on
    (tmp_path / "x.png").write_bytes(png(GREY.astype(np.uint16) * 200, 16, 0))
    stored = open_array(tmp_path / "x.png", ArraySelector())
    np.testing.assert_array_equal(stored.read(...), GREY.astype(np.uint16) * 200)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("ending", ["bmp", "gif", "webp", "jp2", "pgm", "pnm"])
def test_further_kinds_of_pictures_are_read(tmp_path: Path, ending: str):
    file = tmp_path / f"a.{ending}"
    picture = Image.fromarray(GREY)
    if ending == "webp":
        picture.save(file, lossless=True)
    else:
        picture.save(file)
    stored = open_array(file, ArraySelector())
    read = stored.read(...)
    np.testing.assert_array_equal(read if read.ndim == 2 else read[..., 0], GREY)


@pytest.mark.parametrize("ending", ["gif", "png"])
def test_frames_of_a_moving_picture_are_a_stack(tmp_path: Path, ending: str):
    file, frames = tmp_path / f"a.{ending}", [GREY, GREY[::-1], GREY[:, ::-1]]
    first, *others = map(Image.fromarray, frames)
    first.save(file, save_all=True, append_images=others)
    stored = open_array(file, ArraySelector())
    assert stored.axes == "NYX"
    np.testing.assert_array_equal(stored.read(...), np.stack(frames))


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_moving_picture_with_bytes_that_are_none_of_it_is_refused(tmp_path: Path, place: float):
    file = tmp_path / "a.gif"
    first, *others = [Image.fromarray(np.roll(GREY, i, axis=1)) for i in range(6)]
    first.save(file, save_all=True, append_images=others)
    raw = file.read_bytes()
    at = int(place * len(raw))
    file.write_bytes(raw[:at] + b"12345" + raw[at:])
    with pytest.raises(Unreadable, match=r"a\.gif cannot be read"):
        open_array(file, ArraySelector())


def test_previews_behind_a_jpeg_are_no_images(tmp_path: Path):
    file = tmp_path / "a.jpg"
    Image.fromarray(GREY).save(
        file, "MPO", save_all=True, append_images=[Image.fromarray(GREY[:9, :9])]
    )
    assert open_array(file, ArraySelector()).shape == GREY.shape


def test_a_picture_of_another_name_is_told_by_its_content(tmp_path: Path):
    file = tmp_path / "a.tif"
    Image.fromarray(GREY).save(file, "PNG")
    with pytest.raises(
        UserError, match=r"is a \.png file by its content.* — mv '.*a\.tif' '.*png'"
    ):
        open_array(file, ArraySelector())
