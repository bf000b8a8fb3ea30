"""Frames resampled to the pixel size of the atom finder."""

import numpy as np
import pytest

from vaerun.microscopy import rescale
from vaerun.microscopy.atom_finder import PIXEL_A
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.rescale import at_scale
from vaerun.utils.errors import UserError


def frames(*sizes: tuple[int, float | None]) -> list[Frame]:
    """Frames by movie and pixel size in nm; the first pixel of each is its number."""
    return [
        Frame(image=np.full((20, 30), i, np.float32), pixel_nm=size, name=f"f{i}", movie=movie)
        for i, (movie, size) in enumerate(sizes)
    ]


@pytest.fixture
def lattice(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Pixel size measured from the lattice of each frame, by its number."""
    shown: dict[int, float] = {}
    monkeypatch.setattr(rescale, "lattice_pixel_nm", lambda image: shown.get(int(image[0, 0])))
    return shown


def test_frames_of_a_movie_have_one_measured_size(lattice: dict[int, float]):
    lattice.update({0: 0.010, 1: 0.030, 3: 0.011, 4: 0.02})
    made = at_scale(frames((0, None), (0, None), (0, None), (0, None), (1, None), (1, 0.007)))
    assert [f.file_pixel_nm for f in made] == pytest.approx([0.011] * 4 + [0.02, 0.007])
    assert {f.pixel_nm for f in made} == {PIXEL_A / 10}
    assert [f.movie for f in made] == [0] * 4 + [1] * 2
    assert made[4].image.shape == (28, 42)


def test_a_movie_without_any_lattice_is_refused(lattice: dict[int, float]):
    lattice[0] = 0.01
    with pytest.raises(UserError, match="f1 has no pixel size"):
        at_scale(frames((0, None), (1, None)))
    assert at_scale(frames((1, None)), 0.02)[0].file_pixel_nm == pytest.approx(0.02)


@pytest.mark.parametrize("size", [1.0, 1e-5])
def test_sizes_that_show_no_atoms_are_refused(size: float):
    with pytest.raises(UserError, match=f"f0 has pixels of {size:g} nm"):
        at_scale(frames((0, size)))
