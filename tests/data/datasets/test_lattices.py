"""`data=lattices`: simulated crystals, their patches, and true values of each."""

import dataclasses

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.datasets import lattices
from vaerun.data.datasets.lattices import LatticesConfig
from vaerun.runs.config import validate


def config(*typed: str) -> LatticesConfig:
    small = ["data=lattices", "data.n_frames=1", "data.frame_px=200", "data.patch_px=24"]
    return validate(compose([*small, *typed])).data


@pytest.mark.parametrize(
    ("crystal", "known"),
    [("perovskite", "polar"), ("dichalcogenide", "vacancy"), ("square", None)],
)
def test_factors_are_true_of_the_atoms(crystal: str, known: str | None):
    splits = lattices.load(config(f"data.crystal={crystal}"), 0)
    factors = splits.train.factors
    own = {"polar": {"polar", "polar_size"}, "vacancy": {"vacancy"}}.get(known, set())
    assert set(factors) == {"sublattice", "brightness", "grain", "angle"} | own
    assert (factors["sublattice"].isfinite()).float().mean() > 0.97
    species = torch.from_numpy(splits.train.place.species)
    known_of = factors["sublattice"].isfinite()
    assert (factors["sublattice"] == species)[known_of].float().mean() > 0.98
    assert splits.symmetry == [{"perovskite": 4, "dichalcogenide": 3, "square": 4}[crystal]]


def test_brightness_of_patches_follows_thickness_unless_each_is_scaled_by_itself():
    frame, patch = (
        lattices.load(config("data.crystal=square", f"data.normalise={way}"), 0).train
        for way in ("frame", "patch")
    )
    known = frame.factors["brightness"].isfinite()
    correlation = [
        np.corrcoef(part.images[:].mean((1, 2, 3))[known], part.factors["brightness"][known])[0, 1]
        for part in (frame, patch)
    ]
    assert correlation[0] > 0.9
    assert abs(correlation[1]) < 0.5
    sd = patch.images[:].std((1, 2, 3))
    assert sd.max() < 1.2 * sd.min()


def test_a_grid_needs_no_atoms():
    splits = lattices.load(dataclasses.replace(config(), centres="grid"), 0)
    assert not splits.train.factors
    assert (splits.train.place.species == -1).all()
