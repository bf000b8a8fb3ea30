"""Predictions: turned along with nothing, a mixture over bins and draws, in the units of files."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vaerun.config.compose import compose
from vaerun.data.image_set import DataShape
from vaerun.geometry import Pose
from vaerun.models import prediction
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.lightning_module import AdamConfig, VAELightningModule
from vaerun.models.networks.orbit import Orbit
from vaerun.models.prediction import Predictions, predict
from vaerun.models.variants import MODELS
from vaerun.runs.config import validate
from vaerun.utils import random

SHAPE = DataShape(image=(1, 12, 12), target=(1, 1, 20))


@pytest.fixture
def network() -> InvariantVAE:
    torch.manual_seed(0)
    words = ["model=ved", "data=pairs", "data.fills_field=false", "model.hidden=[16,14]",
             "model.latent_dim=3", "model.pose.copies_px=12"]  # fmt: skip
    made = InvariantVAE(validate(compose(words)).model, SHAPE).eval()
    with torch.no_grad():  # untrained ones make next to no difference between images
        for parameter in (*made.encoder.parameters(), *made.decoder.parameters()):
            parameter *= 3
    return made


def images(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 1, 12, 12, generator=torch.Generator().manual_seed(1))


def test_a_prediction_does_not_turn_with_the_image(network):
    x = images()
    made = predict(network, x)
    assert made.mean.shape == made.sd.shape == (5, 1, 1, 20)
    for turns in (1, 2, 3):
        turned = predict(network, torch.rot90(x, turns, (2, 3)))
        for before, after in zip(made, turned, strict=True):
            np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
    assert np.ptp(made.mean, axis=0).max() > 1e-3  # but differs among images


def test_a_turn_by_a_part_of_a_bin_changes_less_if_the_image_is_seen_between_bins(
    network, monkeypatch
):
    x = F.interpolate(images()[:, :, :4, :4], size=12, mode="bicubic")  # smooth, so that it turns
    width = network.search.bin_angle[1] - network.search.bin_angle[0]
    turned = Orbit(-width[None] / 2, (12, 12))(x).view(x.shape)
    changes = []
    for n in (1, 8):
        monkeypatch.setattr(prediction, "N_BETWEEN", n)
        before, after = predict(network, x).mean, predict(network, turned).mean
        changes.append(np.square(after - before).mean())
    assert changes[1] < 0.5 * changes[0]


def test_training_sees_the_angles_between_bins_and_the_bins_the_same_at_every_run(network):
    config = validate(compose(["model=ved", "data=pairs"]))
    module = VAELightningModule(network, config.objective, AdamConfig(
        learning_rate=1e-3, schedule="constant"), seed=0)  # fmt: skip
    seen = []
    for step in (*range(200), *range(200)):
        random.seed(0, 0, step)
        seen.append(module._orbit())
    assert len({id(orbit) for orbit in seen}) == 9
    assert seen[:200] == seen[200:]
    assert network.search.orbit in seen
    module.network.variant = MODELS["rvae"]
    assert module._orbit() is None


def test_the_spread_is_that_of_a_mixture_over_orbits_bins_and_draws(network, monkeypatch):
    drawn = torch.randn(2, 400, 3, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(prediction, "_draws", lambda *_: drawn)
    monkeypatch.setattr(prediction, "N_BETWEEN", 2)
    x = images(2)
    made = predict(network, x)
    with torch.no_grad():
        seen = [network.infer(x, orbit=orbit) for orbit in network.search.orbit.between(2)]
        for i in range(2):
            weight, curves = [], []
            for posterior, numbers in zip(seen, drawn, strict=True):
                weight.append(posterior.log_q[i, :, 0].exp().repeat_interleave(400) / 800)
                mean, sd = (t[i, :, 0, None] for t in posterior.latents)
                z = (mean + sd * numbers).flatten(0, 1)
                curves.append(network.generate(z, Pose.identity(len(z)))[:, 0, 0])  # (K·S, 20)
            weight, curves = torch.cat(weight), torch.cat(curves)
            middle = weight @ curves
            variance = weight @ (curves - middle).square() + network.likelihood.variance
            np.testing.assert_allclose(made.mean[i, 0, 0], middle, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(made.sd[i, 0, 0], variance.sqrt(), rtol=1e-4)


@pytest.mark.parametrize("n_orbits", [1, 8])
def test_draws_have_no_mean(n_orbits):
    drawn = prediction._draws(n_orbits, 4)
    assert drawn.shape == (n_orbits, 16 // n_orbits, 4)
    torch.testing.assert_close(drawn.mean(1), torch.zeros(n_orbits, 4))
    assert math.isclose(float(drawn.square().mean()), 1, rel_tol=0.6)


def test_predictions_are_in_the_units_of_their_files():
    made = Predictions(np.array([0.0, 1.0], "f4"), np.array([0.1, 0.1], "f4"))
    mean, sd = made.in_units((-3.0, 7.0))
    np.testing.assert_allclose(mean, [-3, 7])
    np.testing.assert_allclose(sd, [1, 1], rtol=1e-6)
    assert made.in_units(None) is made
