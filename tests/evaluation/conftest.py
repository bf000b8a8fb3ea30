"""Encodings of images that were never drawn, for tests whose right answer is known."""

import numpy as np
import pytest

from vaerun.data.patch_location import PatchLocation
from vaerun.evaluation.metrics.circular import wrap
from vaerun.microscopy.frame import Frame

from ..conftest import make_encodings


def honeycomb(side, bond_px=10.14, tilt=0.2):
    """Atoms (n, 2) of a tilted honeycomb lattice in a square frame, and their sublattice (n,)."""
    count = np.arange(-side // 10, side // 10)
    cell = np.stack(np.meshgrid(count, count), -1).reshape(-1, 2)
    basis = bond_px * np.array([[1.5, np.sqrt(3) / 2], [1.5, -np.sqrt(3) / 2]])
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    a = cell @ basis
    atoms = np.concatenate([a, a + np.array([bond_px, 0])]) @ turn + side / 2
    sublattice = np.repeat([0, 1], len(a))
    kept = ((atoms > 20) & (atoms < side - 21)).all(1)
    return atoms[kept], sublattice[kept]


def make_graphene(n_frames=3, side=200, n_classes=0, seed=0, **replaced):
    """Frames of a honeycomb with a hole in each, and encodings that tell all that is true of it.

    The last two frames are for validation. The angle has two peaks 60° apart modulo 120°, one for
    each sublattice; z is 0 but near the hole, where it is 1; labels are 1 there, else 0.
    """
    rng = np.random.default_rng(seed)
    atoms, sublattice = honeycomb(side)
    n_atoms, n = len(atoms), n_frames * len(atoms)
    defect = np.tile(np.hypot(*(atoms - side / 3).T) < 0.17 * side, n_frames)
    truth = 0.2 + np.pi / 3 * np.tile(sublattice, n_frames)
    z = np.stack([1.0 * defect, np.tile(atoms[:, 1], n_frames) / side], axis=1)
    angle = truth + 2 * np.pi / 3 * rng.integers(0, 3, n) + rng.normal(0, 0.05, n)
    row, column = np.mgrid[:side, :side]
    phase = (row * np.cos(0.2) + column * np.sin(0.2)) / 10.14
    picture = (2.0 + np.sin(2 * np.pi * phase) + rng.normal(0, 0.3, (side, side))).astype("f4")
    frames = [Frame(image=picture, pixel_nm=0.014, name=f"frame {i}") for i in range(n_frames)]
    unknown = np.arange(n) % 17 == 0
    factors = {
        "angle": wrap(truth, 2 * np.pi / 3),
        "sublattice": np.tile(sublattice, n_frames),
        "ideal": ~defect,
        "strain": z[:, 1],
    }
    factors = {name: np.where(unknown, np.nan, v).astype("f4") for name, v in factors.items()}
    parts = {
        "z_mean": (z + rng.normal(0, 0.05, z.shape)).astype("f4"),
        "angle": wrap(angle).astype("f4"),
        "label": np.where(unknown, -1, defect.astype(int)),
        "split": np.repeat(np.arange(n_frames) >= n_frames - 2, n_atoms).astype("u1"),
        "factors": factors,
        "place": PatchLocation(
            frame=np.repeat(np.arange(n_frames), n_atoms),
            centre=np.tile(atoms, (n_frames, 1)).astype("f4"),
            species=np.zeros(n, int),
            ring_class=np.full(n, -1),
        ),
    }
    if n_classes:
        parts["class_probability"] = np.full((n, n_classes), 1 / n_classes, "f4")
        parts["predicted"] = defect.astype(int)
    return frames, make_encodings(n_train=n, n_val=0, **(parts | replaced))


@pytest.fixture(scope="session")
def graphene():
    return make_graphene


@pytest.fixture(autouse=True, scope="module")
def blank_pictures() -> None:
    """Figures are rendered here."""
