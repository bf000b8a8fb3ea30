"""HDF5 of any kind: links, parts, axes that it names, and what was never measured."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from vaerun.data.io.axes import axes_of, images
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, Unreadable
from vaerun.data.io.read_frames import read
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.utils.errors import UserError

RAMP = np.arange(12 * 20 * 30, dtype=np.uint16).reshape(12, 20, 30)
WANTED = ArraySelector(min_side=8, stacks=True)


def opened(path: Path, key: str | None = None) -> tuple[LazyArray, np.ndarray]:
    """The array of a file, and all its images (n, H, W)."""
    wanted = WANTED._replace(key=key)
    stored = open_array(path, wanted)
    axes = axes_of(stored, path, wanted, frames=False)
    return stored, images(stored, axes, 0, axes.n)[:, 0]


def write_master(folder: Path) -> Path:
    """A master file as detectors write it: external links to parts of unequal length."""
    with h5py.File(folder / "run_master.h5", "w") as master:
        for i, part in enumerate((RAMP[:5], RAMP[5:10], RAMP[10:])):
            with h5py.File(folder / f"run_data_{i}.h5", "w") as file:
                file["entry/data/data"] = part
            link = h5py.ExternalLink(f"run_data_{i}.h5", "entry/data/data")
            master[f"entry/data/data_{i:06}"] = link
        master["entry/instrument/pixel_mask"] = np.zeros((20, 30), np.uint32)
    return folder / "run_master.h5"


def test_parts_behind_external_links_are_one_stack(tmp_path: Path):
    path = write_master(tmp_path)
    stored, found = opened(path)
    np.testing.assert_array_equal(found, RAMP)
    np.testing.assert_array_equal(stored.read(slice(4, 11)), RAMP[4:11])
    assert "entry/data/data_000000 to entry/data/data_000002 are one stack of 3 parts" in str(
        stored.notes
    )
    np.testing.assert_array_equal(opened(path, "entry/data/data_000001")[1], RAMP[5:10])
    np.testing.assert_array_equal(opened(path, "/entry/data")[1], RAMP)
    assert opened(path, "entry/instrument/pixel_mask")[1].shape == (1, 20, 30)


def test_a_part_that_is_gone_is_named(tmp_path: Path):
    path = write_master(tmp_path)
    (tmp_path / "run_data_1.h5").unlink()
    with pytest.raises(UserError, match=r"links to run_data_1\.h5, which cannot be opened"):
        opened(path)
    with pytest.raises(UserError, match=r"links to run_data_1\.h5"):
        opened(path, "entry/data/data_000001")
    np.testing.assert_array_equal(opened(path, "entry/data/data_000002")[1], RAMP[10:])


def test_a_folder_with_master_and_parts_counts_each_image_once(tmp_path: Path):
    write_master(tmp_path)
    source = ImageFiles.scan(sorted(tmp_path.iterdir()), WANTED, False)
    assert len(source) == 12
    assert "3 file(s) are read through run_master.h5, and count once" in source.notes
    assert len(read(str(tmp_path))) == 12


def test_several_links_to_one_data_set_count_once(tmp_path: Path):
    with h5py.File(tmp_path / "x.nxs", "w") as file:
        file["entry/instrument/detector/data"] = RAMP
        file["entry/data/data"] = h5py.SoftLink("/entry/instrument/detector/data")
        file["entry/again"] = file["entry/instrument/detector/data"]
        file["entry/loop"] = h5py.SoftLink("/entry")
    np.testing.assert_array_equal(opened(tmp_path / "x.nxs")[1], RAMP)
    np.testing.assert_array_equal(opened(tmp_path / "x.nxs", "entry/data/data")[1], RAMP)


def test_what_a_nexus_file_plots_comes_before_others_of_its_size(tmp_path: Path):
    with h5py.File(tmp_path / "x.nxs", "w") as file:
        file["entry/dark/data"], file["entry/sample/frames"] = RAMP + 7, RAMP
        file.attrs["default"], file["entry"].attrs["default"] = "entry", "sample"
        file["entry/sample"].attrs["signal"] = "frames"
    stored, found = opened(tmp_path / "x.nxs")
    np.testing.assert_array_equal(found, RAMP)
    assert "1 other data set(s) of the same sides left out (entry/dark/data)" in stored.notes[0]


@pytest.mark.parametrize("how", ["labels", "scales", "nexus", "attribute"])
def test_axes_are_those_that_the_file_names(tmp_path: Path, how: str):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        data = file.create_dataset("data", data=np.moveaxis(RAMP, 0, -1))
        names = ["y", "x", "time"]
        if how == "labels":
            for dimension, name in zip(data.dims, names, strict=True):
                dimension.label = name
        elif how == "scales":
            for dimension, name, n in zip(data.dims, names, data.shape, strict=True):
                file[name] = np.arange(n)
                file[name].make_scale()
                dimension.attach_scale(file[name])
        elif how == "nexus":
            file.attrs.update({"signal": "data", "axes": names})
        else:
            data.attrs["axes"] = "YXT"
    stored, found = opened(tmp_path / "x.nc")
    assert stored.axes == "YXN"
    np.testing.assert_array_equal(found, RAMP)


@pytest.mark.parametrize("version", [5, 7.3])
def test_matlab_has_images_along_the_last_axis(tmp_path: Path, version: float):
    array = np.moveaxis(RAMP, 0, -1)  # rows, columns, images, as in MATLAB
    if version == 5:
        savemat(tmp_path / "x.mat", {"frames": array})
    else:
        with h5py.File(tmp_path / "x.mat", "w", userblock_size=512) as file:
            file["frames"] = array.T
            file["frames"].attrs["MATLAB_class"] = np.bytes_("uint16")
    np.testing.assert_array_equal(opened(tmp_path / "x.mat")[1], RAMP)


def write_joined(folder: Path, parts: int = 2) -> Path:
    """A virtual data set of three parts of four images, of which so many are mapped."""
    layout = h5py.VirtualLayout(RAMP.shape, RAMP.dtype)
    for i in range(parts):
        with h5py.File(folder / f"part_{i}.h5", "w") as file:
            file["images"] = RAMP[4 * i : 4 * i + 4]
        source = h5py.VirtualSource(f"part_{i}.h5", "images", (4, 20, 30))
        layout[4 * i : 4 * i + 4] = source
    with h5py.File(folder / "joined.h5", "w") as file:
        file.create_virtual_dataset("images", layout)
    return folder / "joined.h5"


def test_the_missing_file_of_a_virtual_data_set_is_named(tmp_path: Path):
    path = write_joined(tmp_path, parts=3)
    np.testing.assert_array_equal(opened(path)[1], RAMP)
    (tmp_path / "part_1.h5").rename(tmp_path / "elsewhere.h5")
    with pytest.raises(UserError, match=r"joined\.h5 .* of which part_1\.h5 is not there"):
        opened(path)


def test_a_gap_in_a_virtual_data_set_is_not_measured(tmp_path: Path):
    stored, found = opened(write_joined(tmp_path, parts=2))
    np.testing.assert_array_equal(found[:8], RAMP[:8])
    assert np.isnan(found[8:]).all()
    np.testing.assert_array_equal(np.isnan(stored.read(slice(7, 9))).all((1, 2)), [False, True])
    assert "33.3% of images was never written" in stored.notes[0]


def test_chunks_that_were_never_written_are_not_measured(tmp_path: Path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("images", RAMP.shape, RAMP.dtype, chunks=(5, 20, 30))
        data[:7] = RAMP[:7]
    found = opened(tmp_path / "x.h5")[1]
    np.testing.assert_array_equal(found[:7], RAMP[:7])
    assert not found[7:10].any()  # of a chunk that was
    assert np.isnan(found[10:]).all()


def test_a_fill_value_is_not_measured(tmp_path: Path):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file["images"] = RAMP
        file["images"].attrs["_FillValue"] = np.uint16(17)
    found = opened(tmp_path / "x.nc")[1]
    assert np.argwhere(np.isnan(found)).tolist() == [[0, 0, 17]]


def test_the_file_that_keeps_the_numbers_of_another_is_named(tmp_path: Path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        raw = str(tmp_path / "x.raw")
        file.create_dataset("images", RAMP.shape, RAMP.dtype, external=[(raw, 0, RAMP.nbytes)])
        file["images"][:] = RAMP
    np.testing.assert_array_equal(opened(tmp_path / "x.h5")[1], RAMP)
    Path(raw).unlink()
    with pytest.raises(UserError, match=r"of which .*x\.raw is not there"):
        opened(tmp_path / "x.h5")


def test_a_compression_without_its_plug_in_names_it(tmp_path: Path):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((1, 20, 30))
    made.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())  # nobody's
    with h5py.File(tmp_path / "x.h5", "w") as file:
        space = h5py.h5s.create_simple(RAMP.shape)
        data = h5py.h5d.create(file.id, b"images", h5py.h5t.NATIVE_UINT16, space, made)
        data.write_direct_chunk((0, 0, 0), RAMP[0].tobytes(), 0)
    with pytest.raises(UserError, match=r"HDF5 filter 32099, .* — pip install 'vaerun\[codecs\]'"):
        opened(tmp_path / "x.h5")


def test_a_file_that_its_writer_left_open_is_not_called_broken(tmp_path: Path):
    with h5py.File(tmp_path / "writing.h5", "w", libver="latest") as file:
        file["images"] = RAMP
        file.swmr_mode = True
        file.flush()
        shutil.copy(tmp_path / "writing.h5", tmp_path / "crashed.h5")
    with pytest.raises(UserError, match=r"was not closed .* h5clear -s '.*crashed\.h5'") as error:
        opened(tmp_path / "crashed.h5")
    assert not isinstance(error.value, Unreadable)  # not to be skipped


def test_a_file_that_was_cut_short_is_broken(tmp_path: Path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = RAMP
    raw = (tmp_path / "x.h5").read_bytes()
    (tmp_path / "x.h5").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(Unreadable, match="its end is missing"):
        opened(tmp_path / "x.h5")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"other": np.zeros(3)}, "part.h5 has no data set images"),
        (
            {"images": np.zeros((2, 20, 30))},
            r"takes more numbers from images in part.h5 than the \(2, 20, 30\)",
        ),
    ],
)
def test_a_part_that_a_file_lacks_is_not_read_as_zeros(
    tmp_path: Path, data: dict[str, np.ndarray], words: str
):
    with h5py.File(tmp_path / "part.h5", "w") as file:
        for name, array in data.items():
            file[name] = array
    layout = h5py.VirtualLayout((4, 20, 30), "f8")
    layout[:] = h5py.VirtualSource("part.h5", "images", (4, 20, 30))
    with h5py.File(tmp_path / "joined.h5", "w") as file:
        file.create_virtual_dataset("images", layout)
    with pytest.raises(UserError, match=words):
        open_array(tmp_path / "joined.h5", ArraySelector())


def test_a_link_into_a_file_that_is_there_names_what_it_lacks(tmp_path: Path):
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["other"] = np.zeros(3)
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["images"] = h5py.ExternalLink("part.h5", "/images")
    with pytest.raises(UserError, match=r"links to /images in part\.h5, which cannot be opened"):
        open_array(tmp_path / "master.h5", ArraySelector())


def test_the_signal_of_an_old_nexus_file_is_read(tmp_path: Path):
    file = tmp_path / "a.nxs"
    with h5py.File(file, "w") as opened:
        opened["entry/data"] = np.ones((3, 20, 30))
        opened["entry/data"].attrs["signal"] = 1
        opened["entry/mask"] = np.zeros((3, 20, 30))
    assert open_array(file, ArraySelector()).read(...).all()
