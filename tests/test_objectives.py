"""Schedules at their closed values, and what the loss weighs."""

import dataclasses

import pytest
import torch

from vaerun import objectives
from vaerun.models.bound import Terms
from vaerun.objectives import ObjectiveConfig

PLAIN = ObjectiveConfig(
    name="elbo",
    beta_start=1.0,
    beta_end=1.0,
    beta_epochs=0.0,
    temperature_start=1.0,
    temperature_epochs=0.0,
)
TERMS = Terms(*(torch.tensor([v, 3 * v]) for v in (1.0, 10.0, 100.0, 1000.0, 10000.0)))


def test_the_plain_objective_is_the_bound():
    torch.testing.assert_close(objectives.loss(PLAIN, TERMS, 0.0), TERMS.loss.mean())


def test_beta_rises_linearly_and_stays():
    config = dataclasses.replace(PLAIN, beta_start=0.2, beta_end=1.0, beta_epochs=4.0)
    got = [objectives.beta(config, epoch) for epoch in (0.0, 1.0, 3.0, 4.0, 9.0)]
    assert got == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0])


def test_beta_falls_geometrically_and_stays():
    config = dataclasses.replace(PLAIN, beta_start=8.0, beta_end=1.0, beta_epochs=3.0)
    got = [objectives.beta(config, epoch) for epoch in (0.0, 1.0, 2.0, 3.0, 9.0)]
    assert got == pytest.approx([8.0, 4.0, 2.0, 1.0, 1.0])
    to_zero = dataclasses.replace(config, beta_end=0.0)
    assert objectives.beta(to_zero, 1.5) == pytest.approx(4.0)  # linearly: no power reaches zero


def test_temperature_falls_geometrically_to_one():
    config = dataclasses.replace(PLAIN, temperature_start=16.0, temperature_epochs=4.0)
    got = [objectives.temperature(config, epoch) for epoch in (0.0, 1.0, 2.0, 4.0, 9.0)]
    assert got == pytest.approx([16.0, 8.0, 4.0, 1.0, 1.0])


def test_weights_fall_on_their_own_terms():
    config = dataclasses.replace(
        PLAIN, beta_start=2.0, beta_end=2.0, temperature_start=5.0, temperature_epochs=1.0
    )
    # means are twice the first entries: reconstruction 2, KLs 20, 200, 2000, 20000
    want = 2 + 2 * 20 + 200 + 5 * (2000 + 20000)
    assert float(objectives.loss(config, TERMS, 0.0)) == pytest.approx(want)
