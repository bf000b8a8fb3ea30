"""TIFF files: axes, series and parts that they name."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, Unreadable
from vaerun.data.io.read_frames import read
from vaerun.utils.errors import UserError

RAMP = np.arange(12 * 20 * 30, dtype=np.uint16).reshape(12, 20, 30)


def opened(path: Path, **selector: object) -> tuple[LazyArray, np.ndarray]:
    """The array of a file, and all its images."""
    wanted = ArraySelector(min_side=8, **selector)
    stored = open_array(path, wanted)
    axes = axes_of(stored, path, wanted, frames=False)
    return stored, images(stored, axes, 0, axes.n)


@pytest.mark.parametrize(
    ("axes", "shape", "image"),
    [
        ("TZYX", (3, 4, 20, 30), (12, 1, 20, 30)),
        ("TZCYX", (3, 2, 2, 20, 30), (6, 2, 20, 30)),
        ("CYX", (2, 20, 30), (1, 2, 20, 30)),
        ("ZYX", (3, 20, 30), (3, 1, 20, 30)),
    ],
)
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_axes_are_those_that_the_file_names(
    tmp_path: Path, axes: str, shape: tuple[int, ...], image: tuple[int, ...], kind: str
):
    array = RAMP.reshape(-1)[: int(np.prod(shape))].reshape(shape)
    tifffile.imwrite(tmp_path / "x.tif", array, **{kind: True}, metadata={"axes": axes})
    stored, found = opened(tmp_path / "x.tif")
    assert stored.axes == axes
    np.testing.assert_array_equal(found, array.reshape(image))


def test_pages_without_names_count_images_also_if_they_are_few(tmp_path: Path):
    pages = RAMP.reshape(6, 2, 20, 30)
    tifffile.imwrite(tmp_path / "x.tif", pages, photometric="minisblack")
    np.testing.assert_array_equal(opened(tmp_path / "x.tif")[1][:, 0], RAMP)


def test_series_of_one_shape_are_one_stack(tmp_path: Path):
    for i, image in enumerate(RAMP):
        tifffile.imwrite(tmp_path / "x.tif", image, append=i > 0)
    stored, found = opened(tmp_path / "x.tif")
    np.testing.assert_array_equal(found[:, 0], RAMP)
    assert stored.notes == ("x.tif: 12 series of one shape are one stack",)


def test_series_of_other_shapes_are_counted_and_can_be_named(tmp_path: Path):
    tifffile.imwrite(tmp_path / "x.tif", RAMP[:5])
    tifffile.imwrite(tmp_path / "x.tif", RAMP[:, :9, :9], append=True)
    stored, found = opened(tmp_path / "x.tif")
    assert found.shape == (5, 1, 20, 30)
    assert "1 of 2 series read, of 5×20×30; left out: 12×9×9" in stored.notes[0]
    assert opened(tmp_path / "x.tif", key="1")[1].shape == (12, 1, 9, 9)
    with pytest.raises(UserError, match=r"data\.key=2 is no series .* from 0 to 1"):
        opened(tmp_path / "x.tif", key="2")


def write_series(path: Path, sizes_um: list[float]) -> None:
    """An OME file of series of two frames, each of another pixel size."""
    with tifffile.TiffWriter(path, ome=True) as file:
        for i, size in enumerate(sizes_um):
            facts = {"axes": "TYX", "PhysicalSizeX": size, "PhysicalSizeY": size}
            file.write(RAMP[2 * i : 2 * i + 2], metadata=facts)


def test_series_of_several_pixel_sizes_keep_their_own(tmp_path: Path):
    write_series(tmp_path / "x.ome.tif", [2e-5, 2e-5, 5e-5])
    frames = read(str(tmp_path))
    np.testing.assert_array_equal([frame.image for frame in frames], RAMP[:6])
    assert [frame.pixel_nm for frame in frames] == pytest.approx([0.02] * 4 + [0.05] * 2)
    assert [frame.movie for frame in frames] == [0] * 4 + [1] * 2
    assert opened(tmp_path / "x.ome.tif", key="2")[0].pixel_nm == pytest.approx(0.05)


def write_set(folder: Path) -> None:
    """An OME set of two files, each of which names both."""
    uuid = ["urn:uuid:00000000-0000-0000-0000-00000000000" + str(i) for i in range(2)]
    data = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="p{t}.ome.tif">{uuid[t]}</UUID></TiffData>'
        for t in range(2)
    )
    for t in range(2):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?><OME '
            'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{uuid[t]}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            'Type="uint16" SizeX="30" SizeY="20" SizeZ="1" SizeC="1" SizeT="2">'
            f'<Channel ID="Channel:0"/>{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / f"p{t}.ome.tif", RAMP[t], description=xml, metadata=None)


def test_a_set_of_files_is_read_once_and_what_is_missing_is_named(tmp_path: Path):
    write_set(tmp_path)
    _, found = opened(tmp_path / "p0.ome.tif")
    np.testing.assert_array_equal(found[:, 0], RAMP[:2])
    frames = read(str(tmp_path / "*.tif"))
    np.testing.assert_array_equal([frame.image for frame in frames], RAMP[:2])
    (tmp_path / "p1.ome.tif").unlink()
    with pytest.raises(UserError, match=r"of which p1\.ome\.tif is not there"):
        opened(tmp_path / "p0.ome.tif")


def test_pages_that_are_lost_are_not_silently_fewer(tmp_path: Path):
    tifffile.imwrite(tmp_path / "x.tif", RAMP, compression="zlib")
    raw = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(raw[: 2 * len(raw) // 3])
    with pytest.raises(Unreadable, match=r"x\.tif cannot be read completely"):
        opened(tmp_path / "x.tif")


@pytest.mark.parametrize("how", ["tiff_lzw", "jpeg"])
def test_a_compression_that_takes_a_package_names_it(tmp_path: Path, how: str):
    pytest.importorskip("PIL")
    Image.fromarray((RAMP[0] % 250).astype(np.uint8)).save(tmp_path / "x.tif", compression=how)
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"takes imagecodecs — pip install 'vaerun\[codecs\]'"):
            opened(tmp_path / "x.tif")
    else:
        assert opened(tmp_path / "x.tif")[1].shape == (1, 1, 20, 30)


def test_frames_in_channels_are_chosen_and_not_mixed(tmp_path: Path):
    pair = np.stack([RAMP[:3], 9000 - RAMP[:3]], axis=1)
    tifffile.imwrite(tmp_path / "x.tif", pair, imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(UserError, match=r"in 2 channels \(axes TCYX\) — .*data\.take_channel=0"):
        read(str(tmp_path))
    frames = read(str(tmp_path), channel=1)
    np.testing.assert_array_equal([frame.image for frame in frames], pair[:, 1])
    with pytest.raises(UserError, match=r"take_channel=2 is not in .* — count from 0 to 1"):
        read(str(tmp_path), channel=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"images=12", b"images=11"),
        (b"images=12", b"images=1\n"),
        (b"images=12", b"images=42"),
        (b"frames=12", b"frames=11"),
    ],
)
def test_a_stack_of_imagej_with_another_count_than_it_says_is_refused(
    tmp_path: Path, old: bytes, new: bytes
):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, RAMP, imagej=True, metadata={"axes": "TYX"})
    assert opened(path)[0].shape == RAMP.shape
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(Unreadable, match=r"says that it holds \d+ images, and has \d+ that can"):
        opened(path)
