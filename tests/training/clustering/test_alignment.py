"""Templates turned into line: from made-up ties to one upright a class."""

import math

import numpy as np
import torch

from vaerun.training.clustering.alignment import align_templates, image_angles

K, M, N = 32, 6, 600
GROUP = np.array([0, 0, 0, 1, 1, 1])


def made_up(seed: int, *, symmetric: bool = False):
    """Images along a chain of templates in each of two classes, in any orientation.

    Returns each image's share of the templates, the steps at which they fit it, its true angle
    in steps, and by how many each template is turned.
    """
    rng = np.random.default_rng(seed)
    turned = rng.integers(0, K, M)
    angle = rng.integers(0, K, N)
    first = rng.choice([0, 1, 3, 4], N)  # between this template and the next of its class
    share = np.full((N, M), 1e-9)
    step = rng.integers(0, K, (N, M))
    for m in (first, first + 1):
        share[np.arange(N), m] = rng.uniform(0.3, 0.7, N)
        flip = rng.integers(0, 2, N) * (K // 2) if symmetric else 0
        step[np.arange(N), m] = (angle - turned[m] + flip) % K
    share /= share.sum(1, keepdims=True)
    return share, torch.from_numpy(step), angle, np.where(first < 3, 0, 1)


def upright(share: np.ndarray, step: torch.Tensor, group: np.ndarray) -> np.ndarray:
    """The angle of each image against the upright of its class, as templates and images tell."""
    return image_angles(align_templates(share, step, group, K), share, step, K)


def spread(found: np.ndarray, angle: np.ndarray, order: int = 1) -> float:
    """How far from one constant the found angles lie from the true ones, 0 to 1."""
    away = np.exp(1j * order * (found - angle * 2 * math.pi / K))
    return 1 - abs(away.mean())


def test_each_class_gets_one_upright():
    for seed in range(3):
        share, step, angle, label = made_up(seed)
        found = upright(share, step, GROUP)
        assert np.isfinite(found).all()
        for j in (0, 1):
            assert spread(found[label == j], angle[label == j]) < 1e-6


def test_a_class_that_looks_the_same_turned_gets_one_upright_but_for_its_symmetry():
    share, step, angle, label = made_up(1, symmetric=True)
    found = upright(share, step, GROUP)
    for j in (0, 1):
        assert spread(found[label == j], angle[label == j], order=2) < 1e-6


def test_templates_are_turned_by_fractions_of_a_step():
    rng = np.random.default_rng(0)
    n, chain = 4000, 8
    turned, angle = rng.uniform(0, K, chain), rng.uniform(0, K, n)
    first = rng.integers(0, chain - 1, n)
    share = np.full((n, chain), 1e-9)
    for m in (first, first + 1):
        share[np.arange(n), m] = 0.5
    step = torch.from_numpy(np.round(angle[:, None] - turned).astype(np.int64) % K)
    turn = align_templates(share, step, np.zeros(chain, int), K)
    # Each is known but for one turn of all; a whole step a tie would be off by 0.5 at the least.
    off = (turn - turned + K / 2) % K
    off = np.exp(2j * np.pi * off / K)
    away = np.angle(off / off.mean()) * K / (2 * np.pi)
    assert abs(away).max() < 0.1


def test_some_images_that_are_misread_do_not_turn_a_template():
    share, step, angle, label = made_up(2)
    wrong = np.random.default_rng(0).random(N) < 0.2
    step[torch.from_numpy(wrong)] = torch.randint(0, K, (int(wrong.sum()), M))
    found = upright(share, step, GROUP)
    for j in (0, 1):
        right = (label == j) & ~wrong
        assert spread(found[right], angle[right]) < 0.02


def test_a_template_without_a_tie_has_no_upright():
    share, step, _, _ = made_up(0)
    share = np.concatenate([share, np.full((N, 1), 0.0)], axis=1)
    step = torch.cat([step, torch.zeros(N, 1, dtype=step.dtype)], dim=1)
    share[0] = [0, 0, 0, 0, 0, 0, 1]
    found = upright(share, step, np.append(GROUP, 0))
    assert math.isnan(found[0])
    assert np.isfinite(found[1:]).all()
