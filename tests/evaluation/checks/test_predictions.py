"""Checks of predictions that are right, and of such as are wrong in the way that is looked for."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vaerun.data.image_set import ImageSet, Splits
from vaerun.evaluation.checks.predicting_run import PredictingRun, measured_targets
from vaerun.evaluation.checks.predictions import better_than_mean, prediction_stays, spread_true
from vaerun.evaluation.checks.registry import check_run
from vaerun.evaluation.figures.checks import check_arrays, draw_checks
from vaerun.models.prediction import Predictions
from vaerun.models.variants import MODELS

N, P, NOISE = 100, 20, 0.1


def pairs(seed=0, n=N):
    """Images and curves, which have one number in common, and the curves without noise."""
    rng = np.random.default_rng(seed)
    clean = rng.uniform(0, 1, (n, 1)) * np.sin(np.arange(P))
    noisy = torch.from_numpy(clean + NOISE * rng.normal(size=clean.shape)).float()
    images = ImageSet(
        images=torch.from_numpy(rng.uniform(size=(n, 1, 8, 8))).float(),
        paired=noisy[:, None, None],
        label=torch.full((n,), -1),
        index=torch.arange(n),
    )
    return images, clean


def pose(angle=1, n_bins=8):
    """What a pose model says of itself."""
    return SimpleNamespace(
        angle=angle, shift_sd=None, scale_sd=None, bin_angle=torch.zeros(n_bins)
    )


def made(mean=None, sd=NOISE, moved=None, images=None, search=None, **model):
    """A run that predicts ``mean`` (N, P), by default the truth, and ``moved`` of moved images."""
    usual, clean = pairs()
    images = usual if images is None else images
    run = PredictingRun(
        network=SimpleNamespace(
            variant=MODELS["ved"],
            search=search or pose(),
        ),
        images=images,
        encodings=None,
        all_encodings=None,
        rows=(),
        plain={"model": {"latent_dim": 8, "likelihood_sd": None, **model},
               "trainer": {"max_epochs": 10}},
        bound={},
        mean_target=measured_targets(pairs(1)[0]).mean(0),
    )  # fmt: skip
    mean = clean if mean is None else mean
    sds = np.full_like(mean, sd)
    run.__dict__["predictions"] = Predictions(mean, sds)
    run.__dict__["moved_predictions"] = Predictions(mean if moved is None else moved, sds)
    return run


def test_right_predictions_pass_all_and_are_drawn():
    findings = check_run(made())
    assert list(findings) == ["better_than_mean", "spread_true", "prediction_stays"]
    assert all(finding.passed for finding in findings.values())
    assert len(draw_checks(check_arrays(findings))) == 3


def test_predictions_no_better_than_the_mean_fail():
    mean = np.broadcast_to(measured_targets(pairs(1)[0]).mean(0), (N, P))
    other = pairs(3)[1]  # of other images
    for wrong in (mean, other):
        finding = better_than_mean(made(wrong))
        assert finding.passed is False
        assert "do not belong together" in finding.text
        assert "trainer.max_epochs=30" in finding.mend
    assert better_than_mean(made(0.8 * mean + 0.2 * pairs()[1])).passed


@pytest.mark.parametrize(
    ("sd", "model", "text", "mend"),
    [
        (0.04, {}, "too narrow", "objective.beta_end=2 model.latent_dim=4"),
        (0.2, {}, "too wide", "trainer.max_epochs=30"),
        (0.04, {"likelihood_sd": 0.04}, "too narrow", "model.likelihood_sd=null"),
    ],
)
def test_a_spread_that_errors_do_not_have_fails(sd, model, text, mend):
    finding = spread_true(made(sd=sd, **model))
    assert finding.passed is False
    assert text in finding.text
    assert finding.mend == mend


def test_noise_that_differs_between_points_is_named_and_has_no_mend():
    images, clean = pairs()
    factor = torch.where(torch.arange(P) < P // 2, 0.1, 3.0)
    images.paired[:, 0, 0] = (
        torch.from_numpy(clean) + factor * (images.paired[:, 0, 0] - torch.from_numpy(clean))
    ).float()
    finding = spread_true(made(clean, sd=3 * NOISE, images=images))
    assert finding.passed is False
    assert "differ from point to point" in finding.text
    assert finding.mend == ""


def test_points_that_were_not_measured_count_in_no_error():
    images, clean = pairs()
    measured = torch.ones(images.paired.shape, dtype=torch.bool)
    measured[:, ..., :5] = False
    images.paired[:, ..., :5] = 7
    gaps = ImageSet(
        images=images.images, paired=images.paired, measured=measured, label=images.label,
        index=images.index,
    )  # fmt: skip
    run = made(clean, images=gaps)
    assert better_than_mean(run).passed
    assert spread_true(run).passed


def test_predictions_that_change_with_the_image_fail():
    clean = pairs()[1]
    turned = clean + 0.3 * clean.std() * np.random.default_rng(1).normal(size=clean.shape)
    finding = prediction_stays(made(moved=turned))
    assert finding.passed is False
    assert "when images are turned" in finding.text
    assert finding.mend == "trainer.max_epochs=20"
    coarse = pose(n_bins=4)
    assert "model.pose.bins=8" in prediction_stays(made(moved=turned, search=coarse)).mend
    assert prediction_stays(made(moved=turned, search=pose(angle=None))) is None


def test_few_images_are_not_judged():
    few = pairs(n=10)
    run = made(few[1], images=few[0])
    assert not check_run(run)


def test_means_of_the_training_targets_leave_out_what_was_not_measured(monkeypatch):
    images, _ = pairs()
    measured = torch.ones(images.paired.shape, dtype=torch.bool)
    measured[:50, ..., 0] = False
    train = ImageSet(
        images=images.images, paired=images.paired, measured=measured, label=images.label,
        index=images.index,
    )  # fmt: skip
    base = made()
    monkeypatch.setattr(PredictingRun.__base__, "of", classmethod(lambda cls, *_: base))
    run = PredictingRun.of(None, Splits(train=train, val=train, classes=[]), None, (), {}, 0)
    expected = images.paired[:, 0, 0].double().numpy()
    np.testing.assert_allclose(run.mean_target[1:], expected.mean(0)[1:])
    np.testing.assert_allclose(run.mean_target[0], expected[50:, 0].mean())
