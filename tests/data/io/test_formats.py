"""Files of any format: whole ones are read, damaged ones are named in one line."""

import gc
import os
import random
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import savemat

from vaerun.data.io.faults import explained
from vaerun.data.io.formats import FORMATS, find_files, open_array
from vaerun.data.io.lazy_array import ArraySelector, Unreadable
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.utils.errors import UserError

RAMP = np.arange(6 * 20 * 30, dtype=np.uint16).reshape(6, 20, 30)


def _hdf5(path: Path, array: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a/images", data=array, chunks=(2, 20, 30), fletcher32=True)
        file["link"] = h5py.SoftLink("/a/images")


def gsf(field: np.ndarray) -> bytes:
    """A Gwyddion Simple Field of pixels of 0.1 nm."""
    rows, columns = field.shape
    header = (
        f"Gwyddion Simple Field 1.0\nXRes = {columns}\nYRes = {rows}\n"
        f"XReal = {columns * 1e-4}\nXYUnits = µm\nTitle = a = b\n"
    ).encode()
    return header + bytes(4 - len(header) % 4) + field.astype("<f4").tobytes()


WRITERS: dict[str, Callable[[Path, np.ndarray], object]] = {
    "x.npy": np.save,
    "x.npz": lambda path, array: np.savez_compressed(path, images=array),
    "x.h5": _hdf5,
    "x.nxs": _hdf5,
    "x.mat": lambda path, array: savemat(path, {"images": np.moveaxis(array, 0, -1)}),
    "x.tif": lambda path, array: tifffile.imwrite(path, array, compression="zlib"),
    "y.tif": lambda path, array: tifffile.imwrite(path, array, imagej=True),
    "x.btf": lambda path, array: tifffile.imwrite(path, array, bigtiff=True),
    "x.ome.tif": lambda path, array: tifffile.imwrite(
        path, array, ome=True, metadata={"axes": "TYX"}
    ),
    "x.gsf": lambda path, array: path.write_bytes(gsf(array[0])),
    "x.png": lambda path, array: Image.fromarray(array[0]).save(path),
    "x.jpg": lambda path, array: Image.fromarray((array[0] % 250).astype(np.uint8)).save(path),
}


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """A file cut short, with bytes changed, or with some more or fewer of them."""
    at, some = rng.randrange(len(raw)), rng.randbytes(rng.randrange(1, 30))
    return rng.choice(
        [raw[:at], raw[:at] + some + raw[at + len(some) :], raw[:at] + some + raw[at:],
         raw[:at] + raw[at + len(some) :]]
    )  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_a_damaged_file_is_read_or_named_in_one_line(tmp_path: Path, name: str):
    path, rng = tmp_path / name, random.Random(name)
    WRITERS[name](path, RAMP)
    raw = path.read_bytes()
    wanted = ArraySelector(min_side=8, stacks=True)
    n = len(ImageFiles.scan([path], wanted, False))
    for _ in range(12):
        path.write_bytes(damaged(raw, rng))
        try:
            source = ImageFiles.scan([path], wanted, False)
            read = sum(len(images) for *_, images in source.groups(np.arange(len(source))))
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        assert read == len(source)
        assert read == n or source.notes
    gc.collect()  # a file left open is an error of this test, not of one to come


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 5 GiB"), "does not fit into the memory"),
        (ImportError("No module named 'mrcfile'", name="mrcfile"), "pip install mrcfile"),
        (ImportError("The 'a' package is required: install b with it"), "pip install a"),
        (BlockingIOError(11, "unable to lock file"), "HDF5_USE_FILE_LOCKING=FALSE"),
        (PermissionError(13, "denied"), "chmod u+r 'x.h5'"),
        (FileNotFoundError(2, "gone", "part.raw"), "part.raw is not there"),
        (OSError("can't open directory (/usr/lib/plugin)"), r"pip install 'vaerun[codecs]'"),
        (ValueError("requires the 'imagecodecs' package"), r"pip install 'vaerun[codecs]'"),
    ],
)
def test_what_is_no_damage_is_not_called_so(error: Exception, words: str):
    fault = explained(Path("x.h5"), error)
    assert words in str(fault)
    assert not isinstance(fault, Unreadable)


def test_a_reader_that_stumbles_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stumble(_: str) -> None:
        raise KeyError("Title")

    monkeypatch.setitem(sys.modules, "SciFiReaders", types.SimpleNamespace(NionReader=stumble))
    (tmp_path / "x.ndata").touch()
    with pytest.raises(Unreadable, match=r"SciFiReaders cannot read .*x\.ndata .*save it as TIFF"):
        open_array(tmp_path / "x.ndata", ArraySelector())


def test_what_a_library_says_of_damage_is_not_cut_short():
    fault = explained(Path("x.h5"), ValueError("bad " * 30 + "\n checksum"))
    assert isinstance(fault, Unreadable)
    assert "checksum)" in str(fault)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.dm3", "takes SciFiReaders, which is not installed — pip install 'vaerun[formats]'"),
        ("x.ibw", "takes igor2, which is not installed — pip install 'vaerun[formats]'"),
        ("x.czi", "takes czifile, which is not installed — pip install 'vaerun[formats]'"),
        ("x.zarr", "takes zarr, which is not installed — pip install 'vaerun[formats]'"),
        ("x.gwy", "takes gwyfile, which is not installed — pip install 'vaerun[formats]'"),
        ("x.mrc", "takes mrcfile, which is not installed — pip install 'vaerun[formats]'"),
        (
            "x.bcf",
            "takes RosettaSciIO, which is not installed — pip install 'vaerun[formats-gpl]'",
        ),
    ],
)
def test_a_format_of_an_extra_names_it(
    tmp_path: Path, name: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    for module in ("SciFiReaders", "rsciio", "gwyfile", "mrcfile", "igor2", "czifile", "zarr"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).touch()
    with pytest.raises(UserError) as error:
        open_array(tmp_path / name, ArraySelector())
    assert words in str(error.value)


def test_a_package_that_is_missing_is_no_file_to_skip(tmp_path: Path):
    WRITERS["x.npy"](tmp_path / "a.npy", RAMP)
    shutil.copy(tmp_path / "a.npy", tmp_path / "b.npy")
    (tmp_path / "c.gwy").touch()
    try:
        import SciFiReaders  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"pip install 'vaerun\[formats\]'"):
            ImageFiles.scan(sorted(tmp_path.iterdir()), ArraySelector(min_side=8), True)
    assert {".gwy", ".bcf"} <= set(FORMATS)


def test_a_field_of_gwyddion_has_its_pixel_size_and_no_number_less(tmp_path: Path):
    path = tmp_path / "x.gsf"
    path.write_bytes(gsf(RAMP[0]))
    stored = open_array(path, ArraySelector())
    assert np.array_equal(stored.read(...), RAMP[0])
    assert stored.pixel_nm == pytest.approx(0.1)
    path.write_bytes(gsf(RAMP[0])[:-4])
    with pytest.raises(Unreadable, match=r"says that it holds 20×30 numbers, and has 599"):
        open_array(path, ArraySelector())


def test_mrc_files_are_read_by_mrcfile(tmp_path: Path):
    mrcfile = pytest.importorskip("mrcfile")
    with mrcfile.new(tmp_path / "x.mrc") as file:
        file.set_data(RAMP)
        file.voxel_size = 2.5  # Å
    stored = open_array(tmp_path / "x.mrc", ArraySelector())
    assert np.array_equal(stored.read(...), RAMP)
    assert (stored.axes, stored.pixel_nm) == ("NYX", pytest.approx(0.25))


def test_gwy_files_are_read_by_gwyfile(tmp_path: Path):
    gwyfile = pytest.importorskip("gwyfile")
    container = gwyfile.objects.GwyContainer()
    for i, title in enumerate(("height", "phase")):
        container[f"/{i}/data/title"] = title
        field = gwyfile.objects.GwyDataField(RAMP[i].astype(float), xreal=3e-9, si_unit_xy="m")
        container[f"/{i}/data"] = field
    container.tofile(str(tmp_path / "x.gwy"))
    stored = open_array(tmp_path / "x.gwy", ArraySelector("phase"))
    assert np.array_equal(stored.read(...), RAMP[1])
    assert stored.pixel_nm == pytest.approx(0.1)
    with pytest.raises(UserError, match=r"several images of the same size: height, phase"):
        open_array(tmp_path / "x.gwy", ArraySelector())


def test_a_path_that_is_no_file_is_said_to_be_what_it_is(tmp_path: Path):
    (tmp_path / "gone.npy").symlink_to("nowhere.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "x.npy.gz").touch()
    (tmp_path / "runs" / "a" / "b").mkdir(parents=True)
    np.save(tmp_path / "runs" / "a" / "b" / "x.npy", RAMP)
    for name, words in (
        ("gone.npy", r"gone\.npy is not there: it links to nowhere\.npy"),
        ("x.npy.gz", r"of no known format — unpack it, and give what was in x\.npy\.gz"),
        ("pipe.npy", r"pipe\.npy is neither a file nor a folder"),
        ("runs", r"runs holds no file of a known format — name those deeper in it by .*/\*\*/"),
        ("runs/*.npy", r"matches no file of a known format — give"),
    ):
        with pytest.raises(UserError, match=words):
            find_files(str(tmp_path / name), below=True)
