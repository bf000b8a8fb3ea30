"""The reward: closed forms of its parts, and that right settings have more of it."""

import dataclasses

import numpy as np
import pytest

from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.reward import Reward, icl_gain, reward

RNG = np.random.default_rng(4)
PASSED = Finding(value=0.0, limits=(None, 1.0), text="")
FAILED = Finding(value=2.0, limits=(None, 1.0), text="")
UNKNOWN = Finding(value=None, limits=(None, 1.0), text="")


def test_two_far_groups_gain_what_their_distance_is_worth():
    far = 20.0
    z = RNG.normal(size=(2000, 1)) + far * (np.arange(2000) % 2)[:, None]
    # entropy of one Gaussian of the whole variance less that of a half each
    expected = 0.5 * np.log(1 + far**2 / 4) - np.log(2)
    assert icl_gain(z) == pytest.approx(expected, abs=0.05)
    assert icl_gain(1000 * z + 5) == pytest.approx(icl_gain(z), abs=1e-6)


def test_one_cloud_and_an_even_spread_gain_next_to_nothing():
    assert icl_gain(RNG.normal(size=(1000, 2))) < 0.01
    assert icl_gain(RNG.uniform(size=(1000, 1))) < 0.05
    assert icl_gain(np.zeros((1000, 0))) == 0


def test_score_is_the_product_and_groups_count_a_quarter():
    assert Reward(drawn=0.5, latents=0.5, passed=1.0, grouped=1.0).score == pytest.approx(0.25)
    assert Reward(drawn=1.0, latents=1.0, passed=0.5, grouped=0.0).score == pytest.approx(0.375)


def test_checks_that_were_not_made_or_need_labels_do_not_count(checked):
    findings = {"a": PASSED, "b": FAILED, "c": UNKNOWN, "truth_convention": FAILED}
    assert reward(checked(), findings).passed == 0.5
    assert reward(checked(), findings | {"d": FAILED}).passed == 0.25
    assert reward(checked(), {"a": PASSED, "c": UNKNOWN}).passed == 1


def test_each_dimension_costs_and_each_latent_that_does_not_vary(checked):
    assert reward(checked(), {}).latents == pytest.approx(0.98**2)  # and the angle
    z = np.concatenate([RNG.normal(size=(120, 2)), 0.01 * RNG.normal(size=(120, 2))], 1)
    assert reward(checked(z=z, d=4), {}).latents == pytest.approx(0.98**4 * 0.8**2)
    run = checked()
    still = dataclasses.replace(run.encodings, angle=np.full(120, 0.3, "f4"))
    still = dataclasses.replace(run, encodings=still, all_encodings=still)
    still.__dict__["reconstructions"] = run.reconstructions
    assert reward(still, {}).latents == pytest.approx(0.98**2 * 0.8)


def test_an_invariance_that_the_data_rule_out_is_a_latent_of_no_use(checked):
    run = checked(model="vae", turned=False)
    assert reward(run, {}).latents == pytest.approx(0.98**2)
    run.plain["model"]["invariances"] = ["r"]
    assert reward(run, {}).latents == pytest.approx(0.98**2 * 0.8)


def test_groups_that_may_be_of_pose_do_not_count(checked):
    assert reward(checked(), {"one_orientation": PASSED, "invariances": PASSED}).grouped > 0.5
    for check in ("one_orientation", "invariances"):
        assert reward(checked(), {check: FAILED}).grouped == 0


def test_what_is_not_drawn_costs(checked):
    assert reward(checked(drawn=1.0), {}).drawn == pytest.approx(1, abs=0.02)
    assert reward(checked(drawn=0.5), {}).drawn == pytest.approx(0.75, abs=0.02)
