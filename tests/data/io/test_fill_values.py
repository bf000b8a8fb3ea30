"""Which numbers and borders stand for pixels that were never measured, and which do not."""

import numpy as np
import pytest

from vaerun.data.io.fill_values import FillValues, look_for

N, H, W = 6, 40, 36


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(300, (N, 1, H, W))


def with_block(images: np.ndarray, number: float) -> np.ndarray:
    images = images.copy()
    images[:, :, 10:14, 5:9] = number
    return images


def noise(kind: str = "f4") -> np.ndarray:
    return (1000 * np.random.default_rng(1).random((N, 1, H, W)) + 50).astype(kind)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("u2", 2**16 - 1),
        (">u2", 2**16 - 1),
        ("u4", 2**32 - 1),
        ("u4", 2**32 - 2),
        ("u8", 2**64 - 1),
        ("i4", -1),
        ("i4", -2),
        ("i2", -(2**15)),
        ("i4", 2**31 - 1),
        ("f4", -1),  # of counts
        ("f4", 2**32 - 1),
        ("f8", -9999),
        ("f4", -999),
    ],
)
def test_a_number_far_from_all_others_is_found(counts: np.ndarray, kind: str, number: int):
    images = with_block(counts.astype(kind), number)
    found = look_for([images])
    assert found == FillValues((float(np.array(number).astype(kind)),))
    measured = found.measured(images)
    assert measured is not None
    wanted = np.ones(images.shape, bool)
    wanted[:, :, 10:14, 5:9] = False
    assert np.array_equal(measured, wanted)


def test_both_numbers_of_a_detector_are_found(counts: np.ndarray):
    images = with_block(counts.astype("u4"), 2**32 - 1)
    images[:, :, 20, 3:9] = 2**32 - 2
    assert look_for([images]).values == (2.0**32 - 2, 2.0**32 - 1)


def plain(kind: str = "f8") -> np.ndarray:
    """A disc with a soft edge on black, no two alike."""
    row, column = np.mgrid[:H, :W]
    radius = np.hypot(row - 20, column - 18)
    steps = np.arange(N)[:, None, None, None]
    return (np.clip(12 + steps / 2 - radius, 0, 1) * 200).astype(kind)


@pytest.mark.parametrize(
    "images",
    [
        noise(),
        plain(),
        plain("u1"),
        plain("u2") * 327,  # up to the end of the type, by the edge in steps
        (plain() > 100).astype("u2") * 65535,  # black and white
        np.clip(noise("f8") * 100, 0, 65535).astype("u2"),  # saturated
        noise().astype("i4") - 500,  # with −1 among other negative numbers
        np.arange(N * H * W).reshape(N, 1, H, W) % 3 - 1,  # classes −1, 0, 1
        np.minimum(noise("u2"), 255).astype("u1"),
        np.zeros((N, 1, H, W)),
    ],
)
def test_numbers_that_may_be_measured_are(images: np.ndarray):
    assert not look_for([images])


def test_a_hot_pixel_is_no_gap(counts: np.ndarray):
    images = np.concatenate(20 * [counts.astype("u2")])
    images[3, 0, 5, 5] = 65535
    assert not look_for([images])


@pytest.mark.parametrize("kind", ["f4", "u2", "u1"])
@pytest.mark.parametrize("number", [0, 77])
def test_constant_borders_of_noise_are_found(kind: str, number: int):
    images = noise("f8") / (5 if kind == "u1" else 1)
    images = images.astype(kind)
    wanted = np.ones(images.shape, bool)
    for i in range(1, N):
        for part in (images, wanted):
            part[i, :, :i] = number if part is images else False
            part[i, :, :, W - 2 * i :] = number if part is images else False
    found = look_for([images])
    assert found.borders
    measured = found.measured(images)
    assert measured is not None
    assert np.array_equal(measured, wanted)


def test_borders_of_two_numbers_and_channels_are_found_each_by_itself():
    images = np.concatenate([noise(), noise() + 1], axis=1)
    images[2, 1, :3], images[2, 1, -2:], images[4, 0, :, :4] = 0, 9, 5
    measured = look_for([images]).measured(images)
    assert measured is not None
    missing = (~measured).sum((2, 3))
    assert missing[2].tolist() == [0, 5 * W]
    assert missing[4].tolist() == [4 * H, 0]
    assert missing.sum() == 5 * W + 4 * H


def one() -> np.ndarray:
    """A textured bar on black, such as a written one."""
    images = np.zeros((N, 1, H, W))
    images[:, :, 8:32, 16:20] = np.random.default_rng(2).uniform(100, 255, (N, 1, 24, 4))
    return images


def board() -> np.ndarray:
    images = np.zeros((N, 1, H, W))
    images[:, :, 4:-4, 4:-4] = 1 + np.indices((H - 8, W - 8)).sum(0) // 8 % 2
    return images


def half_black() -> np.ndarray:
    """Particles on an empty field: black inside as well."""
    return np.random.default_rng(3).poisson(0.4, (N, 1, H, W)) * (np.indices((H, W))[0] > 3)


@pytest.mark.parametrize("images", [one(), board(), half_black()])
def test_a_black_background_is_no_border(images: np.ndarray):
    assert not look_for([images])


def test_numbers_that_are_none_need_no_evidence():
    images = noise()
    images[0, 0, 0, :3] = np.nan, np.inf, 9.97e36
    measured = FillValues().measured(images)
    assert measured is not None
    assert (~measured).sum() == 3
    assert FillValues().measured(noise("i4")) is None
    assert str(FillValues((65535.0, -1.0), borders=True)) == "65535, -1, constant borders"


@pytest.mark.parametrize(
    ("fill", "kind"), [(1e20, np.float32), (1e20, np.float64), (999999, "i4")]
)
def test_what_masked_arrays_are_filled_with_is_not_measured(fill: float, kind: type):
    numbers = (np.random.default_rng(0).random((3, 1, 20, 30)) * 500).astype(kind)
    numbers[:, :, 5:9, 5:9] = fill
    measured = look_for([numbers]).measured(numbers)
    assert measured is not None
    np.testing.assert_array_equal(measured, numbers < 501)
