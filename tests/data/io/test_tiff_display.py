"""TIFF files come in as a viewer shows them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from vaerun.data.io.formats import open_array
from vaerun.data.io.lazy_array import ArraySelector, LazyArray

GREY = (np.arange(20 * 30).reshape(20, 30) % 251).astype(np.uint8)
STORED = {
    1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud,
    5: np.transpose, 6: np.rot90, 7: lambda x: np.rot90(x, 2).T, 8: lambda x: np.rot90(x, -1),
}  # fmt: skip


def written(path: Path, array: np.ndarray, **how: object) -> LazyArray:
    """A file of an array, opened."""
    tifffile.imwrite(path, np.ascontiguousarray(array), metadata=None, **how)
    return open_array(path, ArraySelector())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_the_tag_says(tmp_path: Path, orientation: int):
    tag = (274, 3, 1, orientation, True)
    lying = STORED[orientation](GREY)
    stored = written(tmp_path / "a.tif", lying, photometric="minisblack", extratags=[tag])
    np.testing.assert_array_equal(stored.read(...), GREY)
    assert bool(stored.notes) == (orientation > 1)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint16])
def test_zero_is_white_where_the_file_says_so(tmp_path: Path, kind: type):
    image = GREY > 99 if kind is np.bool_ else GREY.astype(kind)
    negative = ~image if kind is np.bool_ else np.iinfo(kind).max - image
    stored = written(tmp_path / "a.tif", negative, photometric="miniswhite")
    np.testing.assert_array_equal(stored.read(...), image)
    assert stored.notes == ("the file says that 0 is white: dark and bright are exchanged",)


def test_a_palette_of_greys_is_looked_up(tmp_path: Path):
    falling = np.repeat(np.arange(256)[None, ::-1] * 257, 3, axis=0).astype(np.uint16)
    stored = written(tmp_path / "a.tif", 255 - GREY, photometric="palette", colormap=falling)
    np.testing.assert_array_equal(stored.read(...), GREY)


def test_a_palette_of_colours_gives_colours(tmp_path: Path):
    palette = np.stack([np.arange(256), np.arange(256)[::-1], np.zeros(256)]).astype(np.uint16)
    stored = written(tmp_path / "a.tif", GREY, photometric="palette", colormap=palette * 257)
    assert stored.axes == "YXS"
    np.testing.assert_array_equal(stored.read(...), np.moveaxis(palette[:, GREY], 0, -1))


def test_false_colours_of_imagej_are_numbers(tmp_path: Path):
    palette = np.stack([np.arange(256)[::-1] * 257] * 3).astype(np.uint16)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, GREY, imagej=True, photometric="palette", colormap=palette)
    stored = open_array(file, ArraySelector())
    np.testing.assert_array_equal(stored.read(...), GREY)
    assert "false colours" in stored.notes[0]
