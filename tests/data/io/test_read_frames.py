"""Frames from every kind of file, and messages of one line where there are none."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from vaerun.data.io.pixel_size import pixel_nm
from vaerun.data.io.read_frames import as_float32, read
from vaerun.utils.errors import UserError

REAL = Path(__file__).parents[4] / "shared" / "data" / "graphene"
IMAGE = np.arange(20 * 30, dtype=np.float64).reshape(20, 30)


def write(path: Path, array: np.ndarray, **facts: object) -> Path:
    """A file of an array, by its ending."""
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, images=array, small=np.zeros(3))
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            file["deep/images"] = array
            file["table"] = np.zeros((500, 3))
            file["deep/images"].attrs.update(facts)
    else:
        tifffile.imwrite(path, array)
    return path


@pytest.mark.parametrize("ending", ["npy", "npz", "h5", "hdf5", "tif", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_a_frame_comes_back_from_any_file(tmp_path: Path, ending: str, kind: type):
    path = write(tmp_path / f"mine.{ending}", IMAGE.astype(kind))
    (frame,) = read(str(path))
    assert frame.image.dtype == np.float32
    np.testing.assert_array_equal(frame.image, IMAGE.astype(kind).astype(np.float32))
    assert frame.name == "mine"


@pytest.mark.parametrize("shape", [(4, 20, 30), (4, 20, 30, 1), (1, 4, 20, 30)])
def test_a_stack_becomes_frames(tmp_path: Path, shape: tuple[int, ...]):
    stack = np.random.default_rng(0).normal(size=shape)
    frames = read(str(write(tmp_path / "s.npy", stack)))
    assert [f.name for f in frames] == ["s_0", "s_1", "s_2", "s_3"]
    assert {f.movie for f in frames} == {0}
    np.testing.assert_allclose(frames[2].image, stack.reshape(4, 20, 30)[2], rtol=1e-6)


def test_a_single_frame_may_have_axes_of_one(tmp_path: Path):
    frames = read(str(write(tmp_path / "s.npy", IMAGE[None, :, :, None])))
    assert [f.image.shape for f in frames] == [(20, 30)]


def test_a_colour_picture_becomes_grey(tmp_path: Path):
    colour = np.stack([IMAGE % 256] * 3, axis=-1).astype(np.uint8)
    (frame,) = read(str(write(tmp_path / "c.npy", colour)))
    np.testing.assert_allclose(frame.image, IMAGE % 256)


def test_a_picture_is_a_frame(tmp_path: Path):
    Image.fromarray((IMAGE % 256).astype(np.uint8)).save(tmp_path / "p.png")
    (frame,) = read(str(tmp_path))
    np.testing.assert_array_equal(frame.image, IMAGE % 256)


def test_a_folder_and_a_pattern_are_read_in_natural_order(tmp_path: Path):
    for number in (10, 2, 1):
        write(tmp_path / f"frame{number}.npy", IMAGE + number)
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path, tmp_path / "frame*.npy"):
        frames = read(str(path))
        assert [f.name for f in frames] == ["frame1", "frame2", "frame10"]
        assert [f.movie for f in frames] == [0, 1, 2]


def test_pixels_that_are_no_numbers_become_the_median(tmp_path: Path):
    image = IMAGE.copy()
    image[3, 4], image[5, 6] = np.nan, np.inf
    (frame,) = read(str(write(tmp_path / "n.npy", image)))
    assert np.isfinite(frame.image).all()
    assert frame.image[3, 4] == np.median(image[np.isfinite(image)])


def test_a_named_data_set_is_read(tmp_path: Path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = IMAGE, IMAGE + 1
    with pytest.raises(UserError, match=r"a, b.*data\.key=a"):
        read(str(tmp_path / "two.h5"))
    (frame,) = read(str(tmp_path / "two.h5"), key="b")
    assert frame.image[0, 0] == 1
    with pytest.raises(UserError, match=r"data\.key=c"):
        read(str(tmp_path / "two.h5"), key="c")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"scan size": 2000.0}, 2.0 / 30),
        ({"scan size": "4.0"}, 4.0 / 30),
        ({"scan size": b"4.0"}, 4.0 / 30),
        ({"pixel_size_nm": 0.02}, 0.02),
        ({"metadata": json.dumps({"scan size": "6", "x": 1})}, 0.2),
        ({"metadata": {"pixel_nm": 0.3}}, 0.3),
        ({"scan size": "NA"}, None),
        ({"scan size": -3}, None),
        ({"metadata": "no json"}, None),
        ({}, None),
    ],
)
def test_the_pixel_size_is_that_of_the_metadata(facts: dict[str, object], expected: float | None):
    assert pixel_nm(facts, 30) == (None if expected is None else pytest.approx(expected))


def test_the_pixel_size_of_a_file_may_be_overruled(tmp_path: Path):
    path = str(write(tmp_path / "x.h5", IMAGE, **{"scan size": 3000.0}))
    assert read(path)[0].pixel_nm == pytest.approx(0.1)
    assert read(path, pixel_size_nm=0.5)[0].pixel_nm == 0.5


def test_the_pixel_size_of_a_tiff_is_that_of_imagej(tmp_path: Path):
    tifffile.imwrite(
        tmp_path / "x.tif", IMAGE.astype(np.float32), imagej=True,
        resolution=(50.0, 50.0), metadata={"unit": "nm"},
    )  # fmt: skip
    assert read(str(tmp_path / "x.tif"))[0].pixel_nm == pytest.approx(0.02)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_tiff_in_colour_becomes_grey(tmp_path: Path, planar: str):
    image = IMAGE.astype(np.uint16)
    colour = np.stack([image, image + 3, image + 6], axis=-1 if planar == "contig" else 0)
    tifffile.imwrite(tmp_path / "c.tif", colour, photometric="rgb", planarconfig=planar)
    (frame,) = read(str(tmp_path / "c.tif"))
    np.testing.assert_allclose(frame.image, image + 3)


def test_a_tiff_stack_becomes_frames_with_the_pixel_size_of_ome(tmp_path: Path):
    movie = np.random.default_rng(0).random((3, 20, 30), np.float32)
    facts = {"axes": "TYX", "PhysicalSizeX": 2e-5, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "m.ome.tif", movie, ome=True, metadata=facts)
    frames = read(str(tmp_path / "*.tif"))
    np.testing.assert_array_equal([frame.image for frame in frames], movie)
    assert [frame.pixel_nm for frame in frames] == [pytest.approx(0.02)] * 3


def test_a_resolution_for_printers_is_no_pixel_size(tmp_path: Path):
    tifffile.imwrite(tmp_path / "x.tif", IMAGE, resolution=(300, 300), resolutionunit="INCH")
    assert read(str(tmp_path / "x.tif"))[0].pixel_nm is None


def test_the_pixel_size_may_be_an_array_of_the_npz_file(tmp_path: Path):
    np.savez(tmp_path / "x.npz", images=np.stack([IMAGE, IMAGE]), pixel_nm=[0.03])
    assert [f.pixel_nm for f in read(str(tmp_path / "x.npz"))] == [0.03, 0.03]


def test_a_data_set_inherits_metadata_of_its_groups_after_its_own(tmp_path: Path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["scan/a/images"], file["b"] = IMAGE[None, ..., None], IMAGE
        file["b"].attrs["scan_size"] = [6.0]
        file["metadata"] = json.dumps({"scan size": "9.0"})
        file["scan"].attrs["Pixel_size_nm"] = "0.05"
        file["names"] = np.full((200, 200), b"Si")  # larger, but not numbers
        file["gone"] = h5py.SoftLink("/nowhere")
    sizes = {key: read(str(tmp_path), key)[0].pixel_nm for key in ("/scan/a/images", "b")}
    assert sizes == {"/scan/a/images": pytest.approx(0.05), "b": pytest.approx(0.2)}


def test_a_key_is_refused_where_there_is_nothing_to_choose(tmp_path: Path):
    path = write(tmp_path / "x.npy", IMAGE)
    with pytest.raises(
        UserError, match=r"data\.key=a has no meaning for .*x\.npy.* — leave it out"
    ):
        read(str(path), key="a")


def test_a_file_of_unknown_format_is_refused_by_its_name(tmp_path: Path):
    (tmp_path / "x.doc").touch()
    with pytest.raises(UserError, match=r"x\.doc is of no known format — give .*\.tiff.* files"):
        read(str(tmp_path / "x.doc"))


def test_a_frame_without_a_number_is_refused(tmp_path: Path):
    movie = np.stack([IMAGE, np.full_like(IMAGE, np.nan)])
    with pytest.raises(UserError, match="holds a frame without a finite pixel — leave it out"):
        read(str(write(tmp_path / "x.npy", movie)))


def test_paths_may_begin_at_home_or_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "x[1].npy", IMAGE)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "below" / "~nobody.npy", IMAGE)
    assert len(read("~nobody.npy")) == 1
    for path in ("~/*.npy", "~/x[1].npy", "../*.npy", ".."):
        assert [frame.name for frame in read(path)] == ["x[1]"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.npy", b"broken", "x.npy cannot be read"),
        ("x.npz", b"broken", "x.npz cannot be read"),
        ("x.h5", b"broken", "x.h5 cannot be read"),
        ("x.tif", b"broken", "x.tif cannot be read"),
        ("x.dm4", b"", "vaerun[formats]"),
    ],
)
def test_a_broken_file_among_good_ones_is_named(
    tmp_path: Path, name: str, content: bytes, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "SciFiReaders", None)
    write(tmp_path / "good.npy", IMAGE)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        read(str(tmp_path))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "array",
    [
        IMAGE.astype(complex),
        np.zeros((3, 3)),
        np.zeros((2, 3, 20, 20)),
        np.array(["text"]),
        np.zeros(1000),
    ],
    ids=["complex", "tiny", "four axes", "text", "line"],
)
def test_what_is_no_frame_is_refused(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(UserError, match=r"x\.npy"):
        read(str(tmp_path / "x.npy"))


def test_a_pickle_is_refused_and_runs_nothing(tmp_path: Path):
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)

    np.save(tmp_path / "x.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        read(str(tmp_path / "x.npy"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.npy", "empty", "**.npy"])
def test_a_path_without_files_is_refused(tmp_path: Path, path: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"data\.path="):
        read(str(tmp_path / path))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real frames are not beside this checkout")
def test_real_frames_are_read_with_their_pixel_size():
    by_name = {f.name: f for f in read(str(REAL / "frames"))}
    assert by_name["G-GrainBoundary-4nm"].pixel_nm == pytest.approx(4 / 512)
    assert by_name["G-Si-2nm"].pixel_nm == pytest.approx(2 / 256)
    assert by_name["G-dimSi"].pixel_nm is None
    library = read(str(REAL / "library" / "*.hdf5"))
    assert len(library) == 61
    assert {f.image.shape for f in library} <= {(256, 256), (128, 128)}
    assert all(0.003 < f.pixel_nm < 0.03 for f in library)


def test_relief_on_an_offset_survives_float32():
    unit = np.random.default_rng(0).random((20, 30))
    for image in (4.2e-6 + 1e-12 * unit, 3e-18 * unit, 1e40 * unit, (7e9 + 9 * unit).astype("i8")):
        low, high = image.min(), image.max()
        np.testing.assert_allclose(as_float32(image), (image - low) / (high - low), atol=1e-6)
    kept = 5 + unit
    np.testing.assert_array_equal(as_float32(kept), kept.astype(np.float32))


def test_a_frame_is_the_same_to_the_bit_in_any_unit():
    unit = np.random.default_rng(0).random((20, 30))
    one, other = (as_float32(a, exactly=True) for a in (unit, 1e-12 + 2e-13 * unit))
    np.testing.assert_array_equal(one, other)
    whole = np.round(900 * unit)
    np.testing.assert_array_equal(as_float32(whole, exactly=True), whole)  # float32 holds them


def test_unmeasured_pixels_are_marked(tmp_path: Path):
    image = IMAGE.copy()
    image[3, 4], image[5, 6], image[7, 8] = np.nan, np.inf, 9.97e36
    (frame,) = read(str(write(tmp_path / "n.npy", image)))
    assert np.argwhere(~frame.measured).tolist() == [[3, 4], [5, 6], [7, 8]]
    assert frame.image.max() <= 599
