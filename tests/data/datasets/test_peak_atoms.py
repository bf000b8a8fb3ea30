"""`data.centres=peaks`: patches on the atoms of any frame, and what is said about them."""

import dataclasses
import logging

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.datasets import patches
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.datasets.peak_atoms import peak_atoms
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.simulation.lattices import LatticeScene, simulate_lattice
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError


def config(**changes: object) -> PatchesConfig:
    plain = compose(["data=patches", "data.path=x", "data.centres=peaks", "data.patch_px=24"])
    return dataclasses.replace(validate(plain).data, **changes)


def frames(crystal: str = "perovskite", n: int = 1, **changes: object) -> list[Frame]:
    scene = LatticeScene(**({"crystal": crystal, "shape": (200, 260)} | changes))
    return [
        Frame(
            image=simulate_lattice(scene, np.random.default_rng(k)).image,
            pixel_nm=None,
            name=f"frame {k}",
            movie=k,
        )
        for k in range(n)
    ]


def test_what_is_found_is_said(caplog):
    with caplog.at_level(logging.INFO, "vaerun"):
        atoms = peak_atoms(frames(), config(), progress=False)
    assert f"found {len(atoms):,} atoms in 1 frame(s)" in caplog.text
    assert "px apart, on 2 sublattices" in caplog.text


def test_patches_are_cut_around_the_atoms_of_a_sublattice():
    source = patches.patch_source(config(), frames(), progress=False)
    for wanted, kinds in ((None, {0, 1}), ([1], {1})):
        splits = patches.extract_patches(source, config(sublattices=wanted), 0)
        assert set(splits.train.place.species) == kinds
    centre, place = splits.train.images[:][:, 0, 10:14, 10:14].mean((1, 2)), splits.train.place
    assert centre.mean() > splits.train.images[:].mean()
    assert (place.ring_class == -1).all()


def test_all_atoms_are_encoded_once_whatever_the_split():
    source = patches.patch_source(config(), frames(), progress=False)
    splits = patches.extract_patches(source, config(val_share=0.3), 0)
    index = np.concatenate([part.index for part in (splits.train, splits.val, splits.rest)])
    assert len(splits.rest) > 10
    assert sorted(index) == list(range(len(index)))


def test_a_frame_without_a_lattice_is_named():
    rng = np.random.default_rng(0)
    noise = [Frame(image=rng.normal(size=(99, 99)).astype(np.float32), pixel_nm=None, name="n")]
    with pytest.raises(UserError, match=r"sees no lattice in n — give .*data\.peak_spacing_nm"):
        peak_atoms(noise, config(), progress=False)


def test_a_given_spacing_needs_the_size_of_a_pixel():
    with pytest.raises(UserError, match=r"frame 0 does not say — give data\.pixel_size_nm"):
        peak_atoms(frames(), config(peak_spacing_nm=0.2), progress=False)
    known = [dataclasses.replace(frame, pixel_nm=0.02) for frame in frames()]
    assert len(peak_atoms(known, config(peak_spacing_nm=0.24), progress=False)) > 200


def test_a_sublattice_that_is_not_there_is_named():
    source = patches.patch_source(config(), frames("square"), progress=False)
    with pytest.raises(UserError, match=r"no atom is on data\.sublattices=\[3\]"):
        patches.extract_patches(source, config(sublattices=[3]), 0)


def test_vacuum_by_brightness_has_no_atoms():
    shown = frames("square", vacuum=0.3)
    everywhere = peak_atoms(shown, config(peak_order=0.0), progress=False)
    masked = peak_atoms(shown, config(peak_order=0.0, vacuum_level=0.12), progress=False)
    assert len(masked) <= len(everywhere)
    assert masked.position[:, 1].min() > 60


@pytest.mark.parametrize(("side", "word"), [(24, "spans 2"), (12, "too few"), (100, "so many")])
def test_the_window_is_compared_with_the_lattice(caplog, side: int, word: str):
    source = patches.patch_source(config(), frames("square"), progress=False)
    with caplog.at_level(logging.INFO, "vaerun"):
        patches.extract_patches(source, config(patch_px=side, val_share=0.45), 0)
    assert word in caplog.text


def drifting(n: int = 6) -> list[Frame]:
    """Cuts of one frame that move down by 2 and right by 3 pixels."""
    whole = frames("hexagonal", shape=(200, 260))[0].image
    cut = [whole[2 * k : 2 * k + 180, 3 * k : 3 * k + 230] for k in range(n)]
    return [Frame(image=c, pixel_nm=None, name=f"{k}", movie=0) for k, c in enumerate(cut)]


def test_patches_follow_their_atom_through_the_frames():
    source = patches.patch_source(config(), drifting(), progress=False)
    splits = patches.extract_patches(source, config(n_times=2, split="region"), 0)
    first, second = splits.train.images[:].unbind(1)
    # the same object in both, however the frame moves; a pixel at most from rounding
    likeness = torch.nn.functional.cosine_similarity(
        (first - first.mean()).flatten(1), (second - second.mean()).flatten(1)
    )
    assert likeness.median() > 0.9
    place = splits.train.place
    assert (place.track >= 0).all()
    assert np.isin(place.track[place.frame == 1], place.track[place.frame == 0]).mean() > 0.9
