"""Axes of arrays: named by the user, by the file, or by their shape."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from vaerun.data.io.axes import (
    ArrayAxes,
    assumption,
    axes_of,
    images,
    letter_faults,
    matlab_axes,
)
from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray
from vaerun.utils.errors import UserError

FILE = Path("x.npy")


def found(
    shape: tuple[int, ...], named: str | None = None, user: str | None = None, alone: bool = True
) -> tuple[ArrayAxes, np.ndarray]:
    """Axes of an array of images, and all its images."""
    array = np.random.default_rng(0).random(shape)
    stored = LazyArray.of(array, axes=named)
    selector = ArraySelector(min_side=8, axes=user, alone=alone)
    axes = axes_of(stored, FILE, selector, frames=False)
    return axes, images(stored, axes, 0, axes.n)


@pytest.mark.parametrize(
    ("shape", "n", "image"),
    [
        ((12, 10, 14), 12, (1, 10, 14)),
        ((12, 10, 14, 3), 12, (3, 10, 14)),
        ((12, 10, 14, 4), 12, (3, 10, 14)),
        ((12, 10, 14, 1), 12, (1, 10, 14)),
        ((12, 10, 14, 2), 12, (2, 10, 14)),
        ((12, 3, 10, 14), 12, (3, 10, 14)),
        ((12, 1, 10, 14), 12, (1, 10, 14)),
        ((12, 4, 10, 14), 12, (4, 10, 14)),
        ((10, 14), 1, (1, 10, 14)),
        ((10, 14, 3), 1, (3, 10, 14)),
        ((10, 14, 1), 1, (1, 10, 14)),
        ((3, 10, 14), 3, (1, 10, 14)),
        ((1, 3, 10, 14), 1, (3, 10, 14)),
    ],
)
def test_axes_are_recognised_by_the_shape(
    shape: tuple[int, ...], n: int, image: tuple[int, int, int]
):
    axes, all_images = found(shape)
    assert (axes.n, axes.shape, axes.assumed) == (n, image, True)
    assert all_images.shape == (n, *image)


@pytest.mark.parametrize("shape", [(12, 10, 7), (0, 10, 14), (14,), (4, 4, 4, 4)])
def test_what_cannot_be_images_is_refused(shape: tuple[int, ...]):
    with pytest.raises(UserError, match=r"x\.npy holds an array of shape .*8 pixels or more"):
        found(shape)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((12, 30, 10, 14), r"12×30 = 360 images of 10×14.*data\.axes=NNYX"),
        ((12, 12, 32, 32), r"144 images .*12 images in 12 channels \(data\.axes=NCYX\)"),
        ((30, 32, 32, 6), r"30 images in 6 channels \(data\.axes=NYXC\)"),
        ((2, 2, 3, 10, 14), r"2×2×3 = 12 images of 10×14.*data\.axes=NNNYX"),
    ],
)
def test_a_scan_or_channels_is_asked(shape: tuple[int, ...], words: str):
    with pytest.raises(UserError, match=words):
        found(shape)


@given(data=st.data(), axes=st.permutations("TZCYX"))
def test_named_axes_may_have_any_order(data: st.DataObject, axes: list[str]):
    sides = {"T": 5, "Z": 3, "C": 2, "Y": 9, "X": 11}
    array = np.random.default_rng(0).random([sides[letter] for letter in axes])
    stored = LazyArray.of(array, axes="".join(axes))
    named = axes_of(stored, FILE, ArraySelector(min_side=8), frames=False)
    assert (named.n, named.shape, named.assumed) == (15, (2, 9, 11), False)
    counting = [letter for letter in axes if letter in "TZ"]
    wanted = array.transpose([axes.index(letter) for letter in (*counting, "C", "Y", "X")])
    first = data.draw(st.integers(0, 14))
    last = data.draw(st.integers(first + 1, 15))
    np.testing.assert_array_equal(
        images(stored, named, first, last), wanted.reshape(15, 2, 9, 11)[first:last]
    )


def test_the_users_letters_come_before_those_of_the_file():
    axes, all_images = found((12, 10, 14), named="NYX", user="YXN")
    assert (axes.n, axes.shape, all_images.shape) == (14, (1, 12, 10), (14, 1, 12, 10))
    with pytest.raises(UserError, match=r"data\.axes=YX names 2 axes, but x\.npy .* as in NYX"):
        found((12, 10, 14), user="YX")
    assert found((12, 1, 10, 14), user="NYX")[0].n == 12  # an axis of 1 needs no letter


@pytest.mark.parametrize("axes", ["NN", "TYYX", "nyx", "N YX", "CCYX", ""])
def test_letters_must_name_rows_and_columns(axes: str):
    (fault,) = letter_faults(axes)
    assert f"data.axes={axes} is not a letter for each axis" in str(fault)
    assert not list(letter_faults(None)) + list(letter_faults("TZCYX"))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((48, 48, 600), "600 images of 48×48 along the last axis type data.axes=YXN"),
        ((48, 64, 600), "600 images of 48×64 along the last axis type data.axes=YXN"),
        ((40, 2, 32, 32), "80 images of one channel type data.axes=NNYX"),
        ((600, 48, 48), None),
        ((600, 48, 64), None),
        ((1000, 8, 200), None),
        ((48, 48), None),
    ],
)
def test_what_is_assumed_of_a_doubtful_shape_is_said(shape: tuple[int, ...], words: str | None):
    said = assumption(shape, found(shape)[0])
    assert said is None if words is None else words in said


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((48, 64), "YX"),
        ((48, 64, 600), "YXN"),
        ((600, 48, 64), "NYX"),
        ((48, 64, 3), "YXS"),
        ((48, 64, 3, 600), "YXSN"),
    ],
)
def test_matlab_has_images_along_the_last_axis(shape: tuple[int, ...], axes: str):
    assert matlab_axes(shape) == axes


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_images_of_matlab_along_the_first_axis_are_an_assumption_that_is_told(
    tmp_path: Path, version: str
):
    file, array = tmp_path / "x.mat", np.arange(10 * 14 * 12).reshape(10, 14, 12)
    if version == "5":
        savemat(file, {"a": array})
    else:
        with h5py.File(file, "w") as opened:
            opened["a"] = array.T
            opened["a"].attrs["MATLAB_class"] = np.bytes_("double")
    (note,) = open_array(file, ArraySelector(min_side=8)).notes
    assert "taken for 10 images of 14×12" in note
    letters = note.split("data.axes=")[1]
    wanted = ArraySelector(min_side=8, axes=letters)
    stored = open_array(file, wanted)
    axes = axes_of(stored, file, wanted, frames=False)
    other = images(stored, axes, 0, axes.n)[:, 0]
    np.testing.assert_array_equal(other, np.moveaxis(array, -1, 0))
