"""The table of atoms: classes away from the border, and the file."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from vaerun.microscopy.atom_finder import DetectedAtoms
from vaerun.microscopy.atoms import RING_REACH_A, Atoms, write_atoms
from vaerun.microscopy.frame import Frame

PIXEL_A = 0.2


def honeycomb(side_A: float) -> np.ndarray:
    """Positions of graphene in a square field, in pixels."""
    across = 1.42 * np.sqrt(3)
    cells = np.stack(np.meshgrid(np.arange(-30, 31), np.arange(-30, 31)), -1).reshape(-1, 2)
    corner = cells @ np.array([[across, 0], [across / 2, 1.42 * 1.5]])
    both_A = np.concatenate([corner, corner + np.array([across / 2, 1.42 / 2])]) + side_A / 2
    return both_A[((both_A > 0) & (both_A < side_A)).all(1)] / PIXEL_A - 0.5


def detected(position: np.ndarray) -> DetectedAtoms:
    n = len(position)
    return DetectedAtoms(position=position, species=np.zeros(n, np.int64), confidence=np.ones(n))


def test_atoms_near_the_border_are_of_no_class():
    side = 150
    position = honeycomb(side * PIXEL_A)
    atoms = Atoms.of_frames([detected(position)], [(side, side)], PIXEL_A, ["few", "6-6", "6-6-6"])
    depth_A = PIXEL_A * (side / 2 - np.abs(position + 0.5 - side / 2).max(1))
    near = depth_A < RING_REACH_A
    assert 0 < near.sum() < len(near)
    assert (atoms.ring_class[near] == -1).all()
    assert (atoms.ring_class[~near] == 2).all()


def test_frames_without_atoms_are_an_empty_table():
    nothing = detected(np.zeros((0, 2)))
    atoms = Atoms.of_frames([nothing, nothing], [(50, 50)] * 2, PIXEL_A, ["few"])
    assert len(atoms) == 0


def test_many_frames_fit_into_the_file(tmp_path: Path):
    n = 5000
    image = np.zeros((2, 2), np.float32)
    frames = [Frame(image=image, pixel_nm=0.014, name=f"frame {i}", scale=2.0) for i in range(n)]
    frames.append(Frame(image=image, pixel_nm=None, name="é"))
    nothing = Atoms.of_frames([detected(np.zeros((0, 2)))], [(50, 50)], PIXEL_A, [])
    write_atoms(tmp_path / "atoms.h5", nothing, frames, {"ring_classes": ["few"]})
    with h5py.File(tmp_path / "atoms.h5") as file:
        assert file["frame_name"].asstr()[n - 1 :].tolist() == [f"frame {n - 1}", "é"]
        assert file["frame_pixel_size_nm"][n - 1] == pytest.approx(0.028)
        assert np.isnan(file["frame_pixel_size_nm"][n])
        assert file["position"].shape == (0, 2)
