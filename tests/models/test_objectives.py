"""Schedules at their closed values, and what the loss weighs."""

import dataclasses
import math

import pytest
import torch

from vaerun.models.elbo import ElboTerms
from vaerun.models.objectives import Capacity, Elbo, ObjectiveConfig, TrainingProgress

PLAIN = Elbo(
    name="elbo",
    alpha=20.0,
    pseudo_label_steps=0,
    beta_start=1.0,
    beta_end=1.0,
    beta_delay=0.0,
    beta_epochs=0.0,
    beta_on="z",
    temperature_start=1.0,
    temperature_epochs=0.0,
)
PAPER = Capacity(
    name="capacity",
    alpha=20.0,
    pseudo_label_steps=0,
    gamma=30.0,
    capacity_z=5.0,
    capacity_y=5.0,
    capacity_steps=25_000,
)
TERMS = ElboTerms(*(torch.tensor([v, 3 * v]) for v in (1.0, 10.0, 100.0, 1000.0, 10000.0, 0.0)))
NONE = torch.zeros(2)
START = TrainingProgress(0.0, 0, 4)


def test_the_plain_objective_is_the_bound():
    torch.testing.assert_close(PLAIN.loss(TERMS, NONE, START), TERMS.loss.mean())


def test_known_classes_weigh_alpha():
    cross_entropy = torch.tensor([0.0, 3.0])  # of two images, one has a label
    loss = PLAIN.loss(TERMS, cross_entropy, START) - TERMS.loss.mean()
    assert float(loss) == pytest.approx(20 * 3 / 2)


def test_beta_rises_linearly_and_stays():
    config = dataclasses.replace(PLAIN, beta_start=0.2, beta_end=1.0, beta_epochs=4.0)
    got = [config.beta(epoch) for epoch in (0.0, 1.0, 3.0, 4.0, 9.0)]
    assert got == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0])


def test_beta_falls_geometrically_and_stays():
    config = dataclasses.replace(PLAIN, beta_start=8.0, beta_end=1.0, beta_epochs=3.0)
    got = [config.beta(epoch) for epoch in (0.0, 1.0, 2.0, 3.0, 9.0)]
    assert got == pytest.approx([8.0, 4.0, 2.0, 1.0, 1.0])
    to_zero = dataclasses.replace(config, beta_end=0.0)
    assert to_zero.beta(1.5) == pytest.approx(4.0)  # linearly: no power reaches zero


def test_temperature_falls_geometrically_to_one():
    config = dataclasses.replace(PLAIN, temperature_start=16.0, temperature_epochs=4.0)
    got = [config.temperature(epoch) for epoch in (0.0, 1.0, 2.0, 4.0, 9.0)]
    assert got == pytest.approx([16.0, 8.0, 4.0, 1.0, 1.0])


def test_weights_fall_on_their_own_terms():
    config = dataclasses.replace(
        PLAIN, beta_start=2.0, beta_end=2.0, temperature_start=5.0, temperature_epochs=1.0
    )
    # means are twice the first entries: reconstruction 2, KLs 20, 200, 2000, 20000
    want = 2 + 2 * 20 + 200 + 5 * (2000 + 20000)
    assert float(config.loss(TERMS, NONE, START)) == pytest.approx(want)
    with_pose = dataclasses.replace(config, beta_on="z_and_pose")
    assert float(with_pose.loss(TERMS, NONE, START)) == pytest.approx(want + 200)


def test_temperature_weighs_the_entropy_and_not_the_prior():
    config = dataclasses.replace(PLAIN, temperature_start=5.0, temperature_epochs=1.0)
    terms = TERMS._replace(class_prior=torch.tensor([300.0, 900.0]))  # of the 10,000 and 30,000
    before = config.loss(TERMS, NONE, START)
    assert float(config.loss(terms, NONE, START) - before) == pytest.approx((1 - 5) * 600)
    assert PLAIN.loss(terms, NONE, START) == PLAIN.loss(TERMS, NONE, START)


def test_a_prior_is_learned_without_labels_once_q_may_decide():
    def early(objective: ObjectiveConfig, epoch: float, step: int) -> bool:
        return objective.is_warming_up(TrainingProgress(epoch, step, 3))

    config = dataclasses.replace(PLAIN, pseudo_label_steps=30, temperature_epochs=2.0)
    assert early(config, 2.5, 29)
    assert early(config, 1.9, 30)
    assert not early(config, 2.0, 30)
    paper = dataclasses.replace(PAPER, pseudo_label_steps=30)
    assert [early(paper, 1.0, step) for step in (29, 30)] == [True, False]


@pytest.mark.parametrize(
    ("step", "want_z", "want_y"),
    [(0, 0.0, 0.0), (5_000, 1.0, 1.0), (10_000, 2.0, math.log(4)), (90_000, 5.0, math.log(4))],
)
def test_capacities_rise_with_the_step_and_stay(step: int, want_z: float, want_y: float):
    assert PAPER.capacities(step, 4) == pytest.approx((want_z, want_y))


def test_the_capacity_objective_is_equation_5():
    # at step 5,000 both capacities are 1; continuous KL is 20 + 200 + 2000, that of y 20000
    want = 2 + 30 * (20 + 200 + 2000 - 1) + 30 * (20000 - 1)
    got = PAPER.loss(TERMS, NONE, TrainingProgress(1.0, 5_000, 4))
    assert float(got) == pytest.approx(want)
    few = ElboTerms(
        *(torch.zeros(2) for _ in ElboTerms._fields)
    )  # below capacity costs as much as above
    assert float(PAPER.loss(few, NONE, TrainingProgress(1.0, 5_000, 4))) == pytest.approx(
        30 * (1 + 1)
    )
    assert float(PAPER.loss(few, NONE, TrainingProgress(1.0, 5_000, 0))) == pytest.approx(30)
