"""Templates under all poses: exact scores, angles that are searched, noise that is not fitted."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from vaerun.geometry import Pose, place
from vaerun.training.clustering import template_mixture
from vaerun.training.clustering.find_classes import find_pseudo_labels
from vaerun.training.clustering.template_mixture import TemplateMixture

from .shapes import (
    CPU,
    FULL_CIRCLE,
    accuracy,
    bar,
    letter,
    ring,
    shapes,
    unknown,
)

pytestmark = pytest.mark.usefixtures("few_steps")


def test_the_sd_of_a_gaussian_mixture_becomes_that_of_the_noise():
    images, _ = shapes(kinds=(ring,), noise=0.0)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    gaussian = dataclasses.replace(FULL_CIRCLE, likelihood="gaussian", n_templates=6)
    torch.manual_seed(0)
    mixture = TemplateMixture(images + 0.2 * noise, gaussian, 1.0)
    mixture.fit(images + 0.2 * noise)
    assert mixture.sd == pytest.approx(0.2, rel=0.15)


def new_mixture(
    size: tuple[int, int], *, mask: bool, channels: int = 1, weight: float = 1
) -> TemplateMixture:
    torch.manual_seed(0)
    wanted = dataclasses.replace(FULL_CIRCLE, n_templates=3, mask=mask)
    return TemplateMixture(torch.rand(5, channels, *size), wanted, weight)


@pytest.mark.parametrize("mask", [False, True])
def test_a_score_is_the_log_likelihood_of_the_rotated_template(mask: bool):
    made = new_mixture((7, 9), mask=mask, channels=2, weight=1.7)
    x = torch.rand(2, 2, 7, 9)
    got = made(x).unflatten(1, (3, -1))
    rows, columns = np.mgrid[-3:4, -4:5]
    inside = torch.from_numpy(np.hypot(rows, columns) <= 3.5) if mask else torch.ones(7, 9) > 0
    for k in (0, 5, 20):
        angle = torch.full((3,), 2 * math.pi * k / 32)
        turned = place(made.templates, Pose.identity(3)._replace(angle=angle), (7, 9))
        coin = torch.distributions.Bernoulli(logits=turned[None], validate_args=False)
        want = 1.7 * coin.log_prob(x[:, None])[..., inside].sum((2, 3))
        torch.testing.assert_close(got[:, :, k], want, rtol=1e-4, atol=1e-4)
    score, step = made.log_likelihood(x)
    torch.testing.assert_close(score, got.detach().logsumexp(2))
    assert torch.equal(step, got.argmax(2))


def test_a_gaussian_score_is_the_log_likelihood_up_to_a_constant():
    torch.manual_seed(0)
    gaussian = dataclasses.replace(FULL_CIRCLE, likelihood="gaussian", n_templates=3)
    made = TemplateMixture(torch.rand(5, 1, 8, 8), gaussian, 1.0)
    x = torch.rand(2, 1, 8, 8)
    got = made(x).unflatten(1, (3, -1))
    for k in (0, 5, 20):
        angle = torch.full((3,), 2 * math.pi * k / 32)
        turned = place(made.templates, Pose.identity(3)._replace(angle=angle), (8, 8))
        want = (
            torch.distributions.Normal(turned[None], made.sd).log_prob(x[:, None]).sum((2, 3, 4))
        )
        constant = torch.distributions.Normal(0.0, made.sd).log_prob(x).sum((1, 2, 3))[:, None]
        torch.testing.assert_close(got[:, :, k], want - constant, rtol=1e-4, atol=1e-3)


def test_a_quarter_turn_of_an_image_leaves_its_scores():
    made = new_mixture((8, 8), mask=False)
    x = torch.rand(4, 1, 8, 8)
    for turns in (1, 2, 3):
        turned = made.log_likelihood(x.rot90(turns, (2, 3)))[0]
        torch.testing.assert_close(turned, made.log_likelihood(x)[0], rtol=1e-4, atol=1e-3)


def test_angles_of_the_full_circle_are_distinct():
    angles = template_mixture._angles(math.pi)
    assert angles[0] == 0
    torch.testing.assert_close(angles.diff(), torch.full((31,), 2 * math.pi / 32))


@pytest.mark.parametrize("degrees", [12, 45, 120, 179])
def test_angles_within_a_range_are_symmetrical_and_reach_its_ends(degrees: float):
    limit = math.radians(degrees)
    angles = template_mixture._angles(limit)
    assert len(angles) % 2 == 1
    torch.testing.assert_close(angles, -angles.flip(0), rtol=0, atol=1e-6)
    assert float(angles.max()) == pytest.approx(limit)
    assert float(angles.diff().max()) < 2 * math.pi / 32 * 1.5


@pytest.mark.parametrize("degrees", [0, 3])
def test_next_to_no_rotation_is_a_single_angle(degrees: float):
    assert template_mixture._angles(math.radians(degrees)).tolist() == [0.0]


def test_templates_do_not_fit_the_noise_of_few_images(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(template_mixture, "_STEPS", 400)
    monkeypatch.setattr(template_mixture, "_BATCH", 200)
    asked = dataclasses.replace(FULL_CIRCLE, n_templates=48)
    images, kind = shapes(300, kinds=(bar, ring, letter), size=(32, 32), noise=0.2)
    assert accuracy(find_pseudo_labels(images, unknown(300), asked, 0, CPU).label, kind) > 0.9
