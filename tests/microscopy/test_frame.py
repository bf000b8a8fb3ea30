import numpy as np
import pytest

from vaerun.microscopy.frame import (
    Frame,
    brightness,
    common_pixel_nm,
    from_file,
    in_file,
    movies_of,
    reduced,
)


@pytest.mark.parametrize(
    ("sizes", "common"),
    [([0.014, 0.014], 0.014), ([0.014, 0.02], None), ([None, None], None), ([1.0, None], None),
     ([], None)],
    ids=str,
)  # fmt: skip
def test_frames_have_a_common_pixel_size_if_all_have_the_same(sizes, common):
    image = np.zeros((2, 2), np.float32)
    frames = [Frame(image=image, pixel_nm=size, name="a") for size in sizes]
    assert common_pixel_nm(frames) == common


def test_single_hot_and_dead_pixels_do_not_set_the_contrast():
    image = np.random.default_rng(0).uniform(5, 7, (100, 100)).astype(np.float32)
    image[3, 4], image[5, 6] = 1e6, -1e6
    bright = brightness(image)
    assert (bright.min(), bright.max()) == (0, 1)
    assert np.quantile(bright, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


def test_positions_go_to_the_file_and_back():
    image = np.zeros((2, 2), np.float32)
    frames = [Frame(image=image, pixel_nm=0.014, name="a", scale=s) for s in (1.0, 2.0)]
    number, position = np.array([1, 0, 1]), np.array([[0.5, 2.5], [3.0, 4.0], [20.5, 0.5]])
    there = in_file(position, number, frames)
    assert there.tolist() == [[0.0, 1.0], [3.0, 4.0], [10.0, 0.0]]
    np.testing.assert_allclose(from_file(there, number, frames), position)
    assert [frame.file_pixel_nm for frame in frames] == [0.014, 0.028]
    assert common_pixel_nm(frames) is None
    assert common_pixel_nm(frames[1:]) == 0.028


def test_a_large_frame_is_averaged_over_squares():
    image = np.arange(70 * 101, dtype=np.float32).reshape(70, 101)
    small, step = reduced(image, 50)
    assert (small.shape, step) == ((23, 33), 3)
    assert small[2, 4] == pytest.approx(image[6:9, 12:15].mean())
    assert reduced(image, 101)[0] is image


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_brightness_is_that_of_the_numbers_whatever_their_type(kind: type):
    image = np.random.default_rng(0).integers(0, 120, (40, 50)).astype(kind)
    wanted = brightness(image.astype(np.float64))
    np.testing.assert_array_equal(brightness(image), wanted)


def test_brightness_has_no_smallest_unit():
    unit = np.random.default_rng(0).random((20, 30))
    np.testing.assert_allclose(brightness(1e-310 * unit), brightness(unit), atol=1e-6)
    assert not brightness(np.full((20, 30), 1e-310)).any()


@pytest.mark.parametrize(
    ("movies", "sizes", "found"),
    [
        ([0, 1], [0.02, 0.02], [0, 0]),
        ([0, 1], [None, None], [0, 0]),
        ([0, 1], [0.02, 0.05], [0, 1]),  # not the same field of view
        ([0, 0, 1], [0.02, 0.02, 0.02], [0, 0, 1]),
    ],
)
def test_files_of_one_frame_are_a_movie_if_their_pixels_are_alike(movies, sizes, found):
    image = np.zeros((2, 2), np.float32)
    frames = [
        Frame(image=image, pixel_nm=size, name="a", movie=movie)
        for movie, size in zip(movies, sizes, strict=True)
    ]
    assert movies_of(frames).tolist() == found
