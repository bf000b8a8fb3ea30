"""The atom finder: atoms from probabilities, and scores on frames it was not trained on."""

import json

import numpy as np
import pytest
import torch

from vaerun.microscopy import atom_finder
from vaerun.microscopy.detection_score import score
from vaerun.microscopy.simulation.movie import Scenario, simulate_movie
from vaerun.microscopy.simulation.stem_imaging import Optics, expose

CPU = torch.device("cpu")


def discs(position: np.ndarray, species: list[int], side: int = 60) -> np.ndarray:
    """Probabilities of a perfect network, (2, H, W)."""
    rows, columns = np.indices((side, side))
    probability = np.zeros((2, side, side), np.float32)
    for (row, column), kind in zip(position, species, strict=True):
        away = np.hypot(rows - row, columns - column)
        share = np.clip(atom_finder.RADIUS_PX + 0.5 - away, 0, 1)
        probability[kind] = np.maximum(probability[kind], share)
    return probability


def test_discs_become_atoms_at_their_centres():
    true = np.array([[10.0, 12.0], [20.3, 30.6], [45.7, 20.2]])
    detected = atom_finder.atoms(discs(true, [0, 1, 0]))
    order = detected.position[:, 0].argsort()
    np.testing.assert_allclose(detected.position[order], true, atol=0.05)
    assert detected.species[order].tolist() == [0, 1, 0]
    assert (detected.confidence > 0.7).all()


@pytest.mark.parametrize("apart", [6.0, 7.0, 8.5])
def test_atoms_that_touch_are_separated(apart: float):
    true = np.array([[30.0, 25.0], [30.0, 25.0 + apart]])
    detected = atom_finder.atoms(discs(true, [0, 0]))
    assert len(detected.position) == 2
    np.testing.assert_allclose(
        detected.position[detected.position[:, 1].argsort()], true, atol=0.35
    )


def test_specks_and_nothing_are_no_atoms():
    assert len(atom_finder.atoms(np.zeros((2, 40, 40), np.float32)).position) == 0
    speck = np.zeros((2, 40, 40), np.float32)
    speck[0, 20, 20:22] = 1.0
    assert len(atom_finder.atoms(speck).position) == 0


def test_the_network_input_does_not_depend_on_gain_or_offset():
    rng = np.random.default_rng(0)
    image = rng.poisson(20, (80, 90)).astype(np.float32)
    np.testing.assert_allclose(
        atom_finder.normalised(image), atom_finder.normalised(0.37 * image + 1000), atol=2e-2
    )
    assert np.isfinite(atom_finder.normalised(np.full((50, 50), 3.0, np.float32))).all()


def frame(seed: int, dose: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A fresh frame of 256 pixels a side, positions in pixels and species."""
    side = 256 * atom_finder.PIXEL_A
    scenario = Scenario(n_frames=1, height=side, width=side, silicon=8, fourfold=2, grain=5.0)
    truth = next(simulate_movie(scenario, seed))
    position = truth.position / atom_finder.PIXEL_A - 0.5
    rng = np.random.default_rng(seed)
    image = expose(position, truth.species, (256, 256), Optics(dose=dose), rng).image
    return image, position, truth.species


@pytest.mark.parametrize("seed", [90_001, 90_002])
def test_atoms_of_fresh_frames_are_detected(seed: int):
    image, position, species = frame(seed, 20.0)
    detected = atom_finder.atoms(atom_finder.segment(atom_finder.load_network(CPU), image))

    def inside(points: np.ndarray) -> np.ndarray:
        return ((points > 5) & (points < 250)).all(1)

    inner, true = inside(detected.position), inside(position)
    result = score(
        detected.position[inner],
        detected.species[inner],
        position[true],
        species[true],
        atom_finder.PIXEL_A,
    )
    assert result.f1[0] >= 0.97
    assert result.f1[1] >= 0.9
    assert result.rms_A <= 0.12


def test_tiles_change_next_to_nothing():
    network = atom_finder.load_network(CPU)
    rng = np.random.default_rng(0)
    image = rng.poisson(5, (520, 530)).astype(np.float32)
    image[::10, ::10] += 40
    in_tiles = atom_finder.segment(network, image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atom_finder, "_TILE", 1000)
        whole = atom_finder.segment(network, image)
    assert np.abs(in_tiles - whole).max() < 0.05


def test_the_weights_are_small_and_have_their_record():
    assert atom_finder.WEIGHTS.stat().st_size <= 1.5e6
    record = json.loads(atom_finder.WEIGHTS.with_suffix(".json").read_text())
    at_dose = {row["dose"]: row for row in record["scores"]}
    assert at_dose[20.0]["f1_c"] >= 0.98
    assert at_dose[20.0]["f1_si"] >= 0.97
    assert at_dose[20.0]["rms_A"] <= 0.12
