"""Alignment of templates, from simulated links to one canonical orientation a class."""

import math

import numpy as np
import torch

from vaerun.training.clustering.alignment import align_templates, image_angles

K, M, N = 32, 6, 600
GROUP = np.array([0, 0, 0, 1, 1, 1])


def simulated(seed: int, *, symmetric: bool = False):
    """Simulate images along a chain of templates in each of two classes, in any orientation.

    Returns the assignment of images to templates and the steps at which templates fit, (N, M),
    and the true angle in steps and class of each image, (N,).
    """
    rng = np.random.default_rng(seed)
    turned = rng.integers(0, K, M)
    angle = rng.integers(0, K, N)
    first = rng.choice([0, 1, 3, 4], N)  # between this template and the next of its class
    assignment = np.full((N, M), 1e-9)
    step = rng.integers(0, K, (N, M))
    for m in (first, first + 1):
        assignment[np.arange(N), m] = rng.uniform(0.3, 0.7, N)
        flip = rng.integers(0, 2, N) * (K // 2) if symmetric else 0
        step[np.arange(N), m] = (angle - turned[m] + flip) % K
    assignment /= assignment.sum(1, keepdims=True)
    return assignment, torch.from_numpy(step), angle, np.where(first < 3, 0, 1)


def aligned(assignment: np.ndarray, step: torch.Tensor, group: np.ndarray) -> np.ndarray:
    """Angle of each image against the canonical orientation of its class."""
    return image_angles(align_templates(assignment, step, group, K), assignment, step, K)


def dispersion(angles: np.ndarray, angle: np.ndarray, order: int = 1) -> float:
    """Circular variance of estimated minus true angles, 0 to 1."""
    away = np.exp(1j * order * (angles - angle * 2 * math.pi / K))
    return 1 - abs(away.mean())


def test_each_class_gets_one_orientation():
    for seed in range(3):
        assignment, step, angle, label = simulated(seed)
        angles = aligned(assignment, step, GROUP)
        assert np.isfinite(angles).all()
        for j in (0, 1):
            assert dispersion(angles[label == j], angle[label == j]) < 1e-6


def test_a_symmetric_class_gets_one_orientation_up_to_its_symmetry():
    assignment, step, angle, label = simulated(1, symmetric=True)
    angles = aligned(assignment, step, GROUP)
    for j in (0, 1):
        assert dispersion(angles[label == j], angle[label == j], order=2) < 1e-6


def test_templates_are_turned_by_fractions_of_a_step():
    rng = np.random.default_rng(0)
    n, chain = 4000, 8
    turned, angle = rng.uniform(0, K, chain), rng.uniform(0, K, n)
    first = rng.integers(0, chain - 1, n)
    assignment = np.full((n, chain), 1e-9)
    for m in (first, first + 1):
        assignment[np.arange(n), m] = 0.5
    step = torch.from_numpy(np.round(angle[:, None] - turned).astype(np.int64) % K)
    turn = align_templates(assignment, step, np.zeros(chain, int), K)
    # Up to one rotation of all; offsets of full steps would be off by at least 0.5.
    off = (turn - turned + K / 2) % K
    off = np.exp(2j * np.pi * off / K)
    away = np.angle(off / off.mean()) * K / (2 * np.pi)
    assert abs(away).max() < 0.1


def test_some_images_with_wrong_angles_do_not_rotate_a_template():
    assignment, step, angle, label = simulated(2)
    wrong = np.random.default_rng(0).random(N) < 0.2
    step[torch.from_numpy(wrong)] = torch.randint(0, K, (int(wrong.sum()), M))
    angles = aligned(assignment, step, GROUP)
    for j in (0, 1):
        right = (label == j) & ~wrong
        assert dispersion(angles[right], angle[right]) < 0.02


def test_a_template_without_a_link_has_no_orientation():
    assignment, step, _, _ = simulated(0)
    assignment = np.concatenate([assignment, np.full((N, 1), 0.0)], axis=1)
    step = torch.cat([step, torch.zeros(N, 1, dtype=step.dtype)], dim=1)
    assignment[0] = [0, 0, 0, 0, 0, 0, 1]
    angles = aligned(assignment, step, np.append(GROUP, 0))
    assert math.isnan(angles[0])
    assert np.isfinite(angles[1:]).all()
