"""Pixel sizes of synthetic and real graphene; positions in resampled frames."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from vaerun.data.io.read_frames import read
from vaerun.microscopy.pixel_size import lattice_pixel_nm, resampled, rescale

REAL = Path(__file__).parents[3] / "shared" / "data" / "graphene"


def graphene(
    side: int, pixel_nm: float, angle: float = 0.3, width_nm: float = 0.045, shear: float = 0.0
) -> np.ndarray:
    """Blobs at the atoms of an infinite sheet, (S, S), the brightest 1."""
    a = 0.246 / pixel_nm
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    cell = np.array([[1, shear], [0, 1]]) @ turn @ np.array([[1, 0.5], [0, 3**0.5 / 2]]) * a
    reach = int(2 * side / a) + 3
    corners = np.mgrid[-reach:reach, -reach:reach].reshape(2, -1).T
    atoms = np.concatenate([corners, corners + 1 / 3]) @ cell.T + side / 2
    width = width_nm / pixel_nm
    atoms = atoms[((atoms > -4 * width) & (atoms < side + 4 * width)).all(axis=1)]
    along = [np.exp(-((np.arange(side) - x[:, None]) ** 2) / (2 * width**2)) for x in atoms.T]
    image = along[0].T @ along[1]
    return image / image.max()


def noisy(image: np.ndarray, ratio: float, seed: int = 0) -> np.ndarray:
    """The image with noise whose sd is that of the image over `ratio`, and a slope as bright."""
    noise = np.random.default_rng(seed).normal(size=image.shape) * image.std() / ratio
    slope = np.add.outer(np.linspace(0, 1, len(image)), np.linspace(0, 2, len(image[0])))
    return (image + noise + slope).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(
    pixel_nm=st.floats(math.log(0.0075), math.log(0.03)).map(math.exp),
    angle=st.floats(0, 2 * math.pi),
    shear=st.floats(-0.03, 0.03),
    ratio=st.sampled_from([0.4, 1.0, 10.0]),
    seed=st.integers(0, 99),
)
def test_the_pixel_size_of_noisy_slanted_graphene_is_found_to_two_percent(
    pixel_nm: float, angle: float, shear: float, ratio: float, seed: int
) -> None:
    image = noisy(graphene(256, pixel_nm, angle, shear=shear), ratio, seed)
    assert lattice_pixel_nm(image) == pytest.approx(pixel_nm, rel=0.02)


@pytest.mark.parametrize(
    ("pixel_nm", "width_nm"),
    [(0.0039, 0.045), (0.006, 0.025), (0.012, 0.025), (0.03, 0.025), (0.03, 0.045), (0.049, 0.06)],
)
def test_the_second_order_is_not_taken_for_the_first(pixel_nm: float, width_nm: float) -> None:
    side = 512 if pixel_nm < 0.01 else 256
    image = graphene(side, pixel_nm, width_nm=width_nm).astype(np.float32)
    assert lattice_pixel_nm(image) == pytest.approx(pixel_nm, rel=0.01)


def test_two_grains_have_the_pixel_size_of_one() -> None:
    image = graphene(384, 0.012, 0.1)
    image[:, 200:] = graphene(384, 0.012, 0.1 + math.radians(27))[:, 200:]
    assert lattice_pixel_nm(noisy(image, 1.0)) == pytest.approx(0.012, rel=0.02)


def test_a_speck_of_dirt_and_heavy_atoms_do_no_harm() -> None:
    image = graphene(300, 0.01)[:, :260]
    image[40:80, 40:80] = 5
    image[150:156, 100:106] = image[120:126, 180:186] = 20
    assert lattice_pixel_nm(noisy(image, 3.0)) == pytest.approx(0.01, rel=0.02)


def test_a_finer_frame_has_smaller_pixels() -> None:
    image = noisy(graphene(256, 0.012), 2.0)
    for factor in (0.7, 1.3):
        got = lattice_pixel_nm(resampled(image, factor))
        assert got == pytest.approx(0.012 / factor, rel=0.01)


@pytest.mark.parametrize("side", [128, 256])
@pytest.mark.parametrize("smooth", [0, 2])
@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_lattice(side: int, smooth: float, seed: int) -> None:
    image = np.random.default_rng(seed).normal(size=(side, side))
    assert lattice_pixel_nm(ndimage.gaussian_filter(image, smooth).astype(np.float32)) is None


@pytest.mark.parametrize(("n", "width"), [(5, 25), (3, 8), (10, 6), (30, 3), (100, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_blobs_have_no_lattice(n: int, width: float, seed: int) -> None:
    image = np.zeros((256, 256), np.float32)
    image[tuple(np.random.default_rng(seed).integers(0, 256, (2, n)))] = 1
    assert lattice_pixel_nm(ndimage.gaussian_filter(image, width)) is None


def test_other_lattices_and_blank_or_small_frames_have_none() -> None:
    rows, columns = np.mgrid[:256, :256]
    square = np.cos(rows / 3) + np.cos(columns / 3)
    stripes = np.cos(rows / 3 + columns / 5)
    small = graphene(80, 0.03)
    for image in (square, stripes, small, small[:1]):
        assert lattice_pixel_nm(noisy(image, 2.0)) is None
    assert lattice_pixel_nm(np.ones((256, 256), np.float32)) is None


@pytest.mark.skipif(not REAL.is_dir(), reason="the real frames are not beside this checkout")
def test_real_frames_have_the_pixel_size_of_their_metadata_to_six_percent() -> None:
    frames = read(str(REAL / "frames")) + read(str(REAL / "library"))
    sizes = [(frame, lattice_pixel_nm(frame.image)) for frame in frames]
    errors = [size / f.pixel_nm - 1 for f, size in sizes if size and f.pixel_nm]
    assert len(errors) >= 50  # of 64; most others are of 128 pixels a side, and mostly noise
    assert max(map(abs, errors)) < 0.06
    assert abs(np.median(errors)) < 0.03


def blob(shape: tuple[int, int], position: np.ndarray, width: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    distance = (rows - position[0]) ** 2 + (columns - position[1]) ** 2
    return np.exp(-distance / (2 * width**2)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(
    factor=st.floats(0.3, 3.0),
    row=st.floats(0.35, 0.65),
    column=st.floats(0.35, 0.65),
    height=st.integers(80, 121),
)
@example(factor=1.0078125, row=0.5, column=0.5, height=80)  # both sides keep their length
@example(factor=1.011, row=0.5, column=0.5, height=80)  # one side does
def test_a_blob_lies_where_its_position_goes(
    factor: float, row: float, column: float, height: int
) -> None:
    position = np.array([row * height, column * 97])
    image = resampled(blob((height, 97), position, 5.0), factor)
    assert image.shape == (math.floor(height * factor), math.floor(97 * factor))
    centroid = np.array(ndimage.center_of_mass(image))
    np.testing.assert_allclose(centroid, rescale(position[None], factor)[0], atol=0.1)
    assert image.dtype == np.float32


@given(
    factor=st.floats(0.05, 20),
    positions=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), max_size=5),
)
def test_positions_come_back(factor: float, positions: list[tuple[float, float]]) -> None:
    given = np.array(positions).reshape(-1, 2)
    np.testing.assert_allclose(rescale(rescale(given, factor), 1 / factor), given, atol=1e-9)


@given(factor=st.floats(0.1, 4))
def test_the_outer_corner_of_the_first_pixel_stays(factor: float) -> None:
    np.testing.assert_allclose(rescale(np.array([[-0.5, -0.5]]), factor), [[-0.5, -0.5]])


def test_a_smaller_frame_is_not_aliased() -> None:
    checkers = (np.indices((120, 120)).sum(axis=0) % 2).astype(np.float32)
    np.testing.assert_allclose(resampled(checkers, 0.3)[2:-2, 2:-2], 0.5, atol=0.05)


def test_the_frame_of_a_factor_of_one_is_the_same() -> None:
    image = np.random.default_rng(0).random((20, 31), np.float32)
    np.testing.assert_allclose(resampled(image, 1.0), image, rtol=1e-6)
