"""Rows on particles: which outlines each seed gets, and that every run can be composed."""

import itertools
import math

import pytest
import torch
from reproduction import particles
from reproduction.particles import DETAILS, DEVELOPMENT, LOOK_ALIKES, outlines_of

from vaerun.config.compose import compose
from vaerun.data.datasets.drawing import coverage
from vaerun.data.datasets.particle_outlines import OUTLINES, polygon
from vaerun.runs.config import validate

SETTINGS = [*particles.SETTINGS, *particles.RVAE_SETTINGS]
REPORTED, TRIED = range(20), range(DEVELOPMENT, DEVELOPMENT + 20)
each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


def drawings(name: str, scale: float, n_turns: int, mirror: float) -> torch.Tensor:
    """An outline in every direction, (n_turns, pixels) of 0 to 1; ``mirror`` is 1 or −1."""
    side, points = 64, polygon(name) * 27 * scale
    points[:, 1] *= mirror
    angle = torch.arange(n_turns, dtype=points.dtype) * (2 * math.pi / n_turns)
    turns = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(-1, 2, 2)
    return torch.stack([coverage(points @ turn + side / 2, side).flatten() for turn in turns])


def overlap(still: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
    """Largest intersection over union of each drawing (A, pixels) with any of (B, pixels)."""
    common = still @ turned.T
    return (common / (still.sum(1)[:, None] + turned.sum(1) - common)).amax(1)


def test_look_alikes_are_the_pairs_that_cover_each_other():
    names = list(OUTLINES)
    still = torch.cat([drawings(name, 1.0, 1, 1) for name in names])
    best = torch.zeros(len(names), len(names))
    for scale, mirror in itertools.product((0.85, 0.92, 1.0, 1.09), (1, -1)):
        for k, name in enumerate(names):
            found = overlap(still, drawings(name, scale, 36, mirror)).float()
            best[:, k] = torch.maximum(best[:, k], found)
    best = torch.maximum(best, best.T)
    pairs = itertools.combinations(range(len(names)), 2)
    alike = {frozenset((names[i], names[j])) for i, j in pairs if best[i, j] > 0.75}
    assert alike == LOOK_ALIKES
    assert DETAILS <= LOOK_ALIKES


@each_setting
def test_outlines_of_a_seed_are_as_the_setting_asks(setting):
    for seed in (*REPORTED, *TRIED):
        chosen = outlines_of(setting, seed)
        assert len(chosen) == setting.n_outlines
        alike = LOOK_ALIKES & set(map(frozenset, itertools.combinations(chosen, 2)))
        assert len(alike) == (setting.kinds == "look_alikes")
        assert alike <= DETAILS
        asymmetric = [name for name in chosen if OUTLINES[name].symmetry == 1]
        if setting.kinds != "look_alikes":
            assert bool(asymmetric) == (setting.kinds == "any")


@each_setting
def test_no_combination_is_both_reported_and_for_development(setting):
    reported = {outlines_of(setting, seed) for seed in range(DEVELOPMENT)}
    tried = {outlines_of(setting, seed) for seed in range(DEVELOPMENT, 2 * DEVELOPMENT)}
    assert reported.isdisjoint(tried)
    assert min(len(reported), len(tried)) > 30


def test_what_a_seed_gets_never_changes():
    setting = next(setting for setting in SETTINGS if setting.name == "look_alikes")
    assert outlines_of(setting, 0) == ("teardrop", "notched_teardrop", "star")
    assert outlines_of(setting, 100) == ("ellipse", "peanut", "star")


@pytest.mark.parametrize("row", particles.PARTICLES, ids=lambda row: row.name)
def test_every_run_can_be_composed(row):
    config = validate(compose(row.words(101)))
    assert config.seed == 101
    assert row.name.startswith("particles_")
    assert f"data.outlines=[{','.join(config.data.outlines)}]" in row.words(101)
