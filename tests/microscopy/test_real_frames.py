"""The atom finder on published micrographs; skipped where they are not beside this checkout."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from vaerun.data.io.read_frames import read
from vaerun.microscopy import atom_finder
from vaerun.microscopy.bonds import BondRule, find_bonds
from vaerun.microscopy.pixel_size import resampled
from vaerun.microscopy.rescale import at_scale
from vaerun.microscopy.rings import find_rings

REAL = Path(__file__).parents[3] / "shared" / "data" / "graphene"
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"the real frames are not in {REAL}, beside this checkout"
)
WITHIN_A = 0.5


@pytest.fixture(scope="module")
def network():
    return atom_finder.load_network(torch.device("cpu"))


def published(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 2), row and column, that the library gives, and which are silicon."""
    with h5py.File(path) as file:
        rows = np.concatenate([file[name][()] for name in file if name.startswith("defect")])
    # its columns are x, y and element, in spite of their names
    return rows[:, 1::-1].astype(float), np.char.find(rows[:, 2], b"Si") >= 0


def test_silicon_and_its_neighbours_are_found_where_they_were_published(network):
    silicon, carbon = [], []
    for path in sorted((REAL / "library").glob("*.hdf5")):
        (frame,) = read(str(path))
        pixel_A = 10 * frame.pixel_nm
        factor = pixel_A / atom_finder.PIXEL_A
        detected = atom_finder.atoms(atom_finder.segment(network, resampled(frame.image, factor)))
        position, is_si = published(path)
        away, nearest = cKDTree((detected.position + 0.5) / factor - 0.5).query(position)
        right = away * pixel_A <= WITHIN_A
        silicon += (right & (detected.species[nearest] == 1))[is_si].tolist()
        carbon += right[~is_si].tolist()
    assert len(silicon) > 100
    assert np.mean(silicon) >= 0.95
    assert np.mean(carbon) >= 0.85


@pytest.mark.parametrize("name", ["G-GrainBoundary-4nm", "G-GrainBoundary-6nm"])
def test_grain_boundaries_are_strings_of_fives_and_sevens_and_contamination_is_left_out(
    network, name: str
):
    frames = at_scale(read(str(REAL / "frames" / f"{name}.hdf5")), None)
    detected = atom_finder.atoms(atom_finder.segment(network, frames[0].image))
    rule = BondRule(longest=2.0 / atom_finder.PIXEL_A, silicon_longest=2.35 / atom_finder.PIXEL_A)
    sizes = find_rings(
        detected.position, find_bonds(detected.position, rule, detected.species)
    ).size
    count = {n: int((sizes == n).sum()) for n in range(3, 13)}
    assert 8 <= count[5] <= 30
    assert 8 <= count[7] <= 30
    assert abs(count[5] - count[7]) <= 3
    assert count[6] > 0.85 * len(sizes)
    bright = frames[0].image > np.percentile(frames[0].image, 99) * 0.9
    if name.endswith("6nm"):  # a saturated patch in its corner
        inside = detected.position.round().astype(int)
        assert bright[inside[:, 0], inside[:, 1]].mean() < 0.01
