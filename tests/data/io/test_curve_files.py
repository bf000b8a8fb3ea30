"""The same curves from files of every format, and what is said of files that are unclear."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from vaerun.data.io.curve_files import read_curves, same_axes
from vaerun.utils.errors import UserError

ENERGY = np.linspace(100, 130, 31)


@pytest.fixture
def curves() -> np.ndarray:
    return np.random.default_rng(0).random((12, 31), np.float32)


def hspy(path: Path, data: np.ndarray, *names: str) -> Path:
    """A file as HyperSpy writes it; the last axis is the signal."""
    with h5py.File(path, "w") as file:
        group = file.create_group("Experiments/signal")
        group["data"] = data
        for i, name in enumerate(names):
            facts = {"navigate": i < len(names) - 1, "scale": 1.0, "offset": 0.0, "name": name}
            if i == len(names) - 1:
                facts |= {"offset": 100.0, "units": "eV"}
            group.create_group(f"axis-{i}").attrs.update(facts)
    return path


def test_rows_of_an_array_are_curves_in_every_format(tmp_path, curves):
    np.save(tmp_path / "a.npy", curves)
    np.savez(tmp_path / "b.npz", energy=ENERGY, spectra=curves)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["spectra"], file["wavelength"] = curves, ENERGY
        file["wavelength"].attrs["units"] = "nm"
    hspy(tmp_path / "d.hspy", curves, "number", "Energy")
    read = [read_curves(tmp_path / name) for name in ("a.npy", "b.npz", "c.h5", "d.hspy")]
    for one in read:
        np.testing.assert_array_equal(one.values[:, 0], curves)
        assert one.map_shape is None
    assert read[0].at is None
    assert [one.axis.label for one in read[1:]] == ["energy", "wavelength (nm)", "Energy (eV)"]
    for one in read[1:]:
        np.testing.assert_allclose(one.at, ENERGY)


def test_a_map_keeps_its_places(tmp_path, curves):
    cube = curves.reshape(3, 4, 31)
    np.save(tmp_path / "map.npy", cube)
    with h5py.File(tmp_path / "map.h5", "w") as file:
        file["map"], file["energy"] = cube, ENERGY
    hspy(tmp_path / "map.hspy", cube, "y", "x", "Energy")
    for name in ("map.npy", "map.h5", "map.hspy"):
        one = read_curves(tmp_path / name, axes="YXL" if name == "map.npy" else None)
        assert one.map_shape == (3, 4)
        np.testing.assert_array_equal(one.values[:, 0], curves)  # row by row


def test_letters_say_which_axis_is_which(tmp_path, curves):
    cube = curves.reshape(3, 4, 31)
    np.save(tmp_path / "a.npy", cube.transpose(2, 0, 1))
    one = read_curves(tmp_path / "a.npy", axes="LYX")
    np.testing.assert_array_equal(one.values[:, 0], curves)
    two = read_curves(tmp_path / "a.npy", axes="LCN")
    assert two.values.shape == (4, 3, 31)
    assert two.map_shape is None
    np.testing.assert_array_equal(two.values[1, 2], cube[2, 1])


def test_curves_along_the_first_axis_are_known_by_the_axis_beside_them(tmp_path, curves):
    np.savez(tmp_path / "a.npz", y=curves.T, x=ENERGY)
    np.testing.assert_array_equal(read_curves(tmp_path / "a.npz").values[:, 0], curves)


def test_few_channels_are_no_columns_of_a_map(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 2, 31)))
    assert read_curves(tmp_path / "a.npy").values.shape == (20, 2, 31)


@pytest.mark.parametrize(
    ("shape", "axes", "line"),
    [
        ((2, 3, 4, 31), None, r"shape \(2, 3, 4, 31\).*several ways — say which, as in "
                              r"data.axes=NYXL"),
        ((12, 31), "NCL", r"data.axes=NCL names 3 axes, but .* — name 2, as in data.axes=NL"),
    ],
)  # fmt: skip
def test_unclear_arrays_are_refused(tmp_path, shape, axes, line):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(UserError, match=line):
        read_curves(tmp_path / "a.npy", axes=axes)


def test_an_axis_that_is_none_is_refused(tmp_path, curves):
    np.savez(tmp_path / "a.npz", y=curves, x=ENERGY, other=np.zeros(31))
    with pytest.raises(UserError, match=r"data.axis_key=other is no data set of 31 rising.*x"):
        read_curves(tmp_path / "a.npz", axis_key="other")


def test_files_of_other_axes_are_refused(tmp_path, curves):
    np.savez(tmp_path / "a.npz", y=curves, x=ENERGY)
    np.savez(tmp_path / "b.npz", y=curves, x=ENERGY + 1)
    np.save(tmp_path / "c.npy", curves[:, :20])
    a, b, c = (read_curves(tmp_path / name) for name in ("a.npz", "b.npz", "c.npy"))
    same_axes([a, a])
    with pytest.raises(UserError, match=r"axis of .*b.npz is another than that of .*a.npz"):
        same_axes([a, b])
    with pytest.raises(UserError, match=r"1 × 20 \(channels × points\), .*a.npz of 1 × 31"):
        same_axes([a, c])
