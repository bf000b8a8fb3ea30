"""Classes by valleys: points along curves, whose classes and continuity are known."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from vaerun.training.clustering.count_classes import (
    DEEPEST,
    count_classes,
    join_parts,
    mean_valley,
    partition_by_valleys,
    shallowest_valley,
)
from vaerun.training.clustering.spectral import median_gap, soft_assignment


def curves(sizes: list[int], *, noise: float = 0.05, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points (N, 3) along segments that are two apart, and the segment of each."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    along = rng.uniform(-1, 1, len(kind))
    points = np.stack([along, 2.0 * kind, np.zeros(len(kind))], axis=1)
    points += noise * rng.standard_normal(points.shape)
    return torch.from_numpy(points).float(), torch.from_numpy(kind)


def scored(points: Tensor, n_templates: int, sd: float, seed: int = 0):
    """Log-likelihoods (N, M) under templates fitted to the points, and links (M, M)."""
    fitted = KMeans(n_templates, n_init=1, random_state=seed).fit(points.numpy())
    score = -0.5 * torch.cdist(points, torch.from_numpy(fitted.cluster_centers_)).square() / sd**2
    assignment = soft_assignment(score, median_gap(score))
    return score, assignment.T @ assignment


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [[500, 500, 500], [900, 80, 20], [400, 400, 400, 400, 400]])
def test_the_number_of_curves_is_found_whatever_their_shares(sizes: list[int], seed: int):
    points, kind = curves(sizes, seed=seed)
    score, links = scored(points, 80, 0.1, seed)
    found = count_classes(score, links)
    assert found.n_classes == len(sizes)
    assert found.filled < DEEPEST < found.filled_if_more
    part = torch.from_numpy(partition_by_valleys(score, links, len(sizes)))
    of_point = part[score.argmax(1)]
    for j in range(len(sizes)):
        assert len(of_point[kind == j].unique()) == 1


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_one_curve_is_one_class(noise: float):
    points, _ = curves([800], noise=noise)
    score, links = scored(points, 40, 0.1)
    assert count_classes(score, links).n_classes == 1


def test_a_few_outliers_are_no_class():
    points, _ = curves([600, 600, 3])
    score, links = scored(points, 60, 0.1)
    assert count_classes(score, links).n_classes == 2


def test_a_cut_across_a_uniform_class_has_no_valley():
    """The expected share is that of a uniform difference, so it is 1."""
    points = torch.linspace(-1, 1, 2001)[:, None]
    ends = torch.tensor([[-1.0], [1.0]])
    score = -torch.cdist(points, ends).square()
    assert shallowest_valley(score, np.array([0, 1])) == pytest.approx(1, abs=0.01)
    apart = torch.cat([points - 3, points + 3])
    score = -torch.cdist(apart, 3 * ends).square()
    assert shallowest_valley(score, np.array([0, 1])) == 0


def test_too_small_a_part_is_no_class():
    points, _ = curves([600, 4])
    score = -torch.cdist(points, torch.tensor([[0.0, 0, 0], [0, 2, 0]])).square()
    assert shallowest_valley(score, np.array([0, 1])) == np.inf


def test_three_images_are_a_class_where_the_number_of_classes_is_given():
    """Where it is to be found, they may be there by chance: five are needed."""
    points, kind = curves([150, 40, 3], noise=0.02)
    score, links = scored(points, 16, 0.1)
    part = partition_by_valleys(score, links, 3)
    assert part is not None
    of_point = torch.from_numpy(part)[score.argmax(1)]
    assert [len(of_point[kind == j].unique()) for j in range(3)] == [1, 1, 1]
    assert len(of_point.unique()) == 3
    assert mean_valley(score, part) == pytest.approx(1 / (0.5 * 3 + 1))  # one is added, else none
    assert count_classes(score, links).n_classes == 2


def test_what_is_likelier_under_another_part_is_in_the_valley():
    """Of 20 images of each of two parts five are nearer to the other without their own share."""
    score = torch.tensor([[0.0, -10.0]] * 20 + [[-10.0, 0.0]] * 20)
    part = np.array([0, 1])
    assert mean_valley(score, part) == pytest.approx(1 / 11)
    unbiased = score.clone()
    unbiased[:5] = score[:5].flip(1)
    assert mean_valley(score, part, unbiased) == pytest.approx(6 / 11)
    assert mean_valley(unbiased, part) == pytest.approx(1 / (0.5 * 15 + 1))  # 15 and 25 images


def test_partitions_are_nested():
    points, _ = curves([300, 300, 300])
    score, links = scored(points, 40, 0.1)
    parts = join_parts(score, links, 8, 5)
    assert sorted(parts) == list(range(1, 9))
    for n in range(1, 8):
        coarse, fine = parts[n], parts[n + 1]
        assert len(np.unique(coarse)) == n
        for j in range(n + 1):
            assert len(np.unique(coarse[fine == j])) == 1


def test_severing_a_small_group_is_worse_on_the_mean_than_a_fair_cut_of_a_curve():
    """Three curves, two of which touch: their valley is filled whichever way they are cut."""
    points, kind = curves([400, 400, 400])
    points[kind == 2, 1] -= 1.8
    score, _ = scored(points, 60, 0.1)
    of_template = np.array([int(kind[score[:, m].argmax()]) for m in range(60)])
    severed = np.where(of_template == 2, 1, of_template)
    rim = [int(m) for m in np.flatnonzero(severed == 1)[:3]]
    severed[rim] = 2
    assert mean_valley(score, of_template) < mean_valley(score, severed)
    assert mean_valley(score, np.zeros(60, np.int64)) == 0


def test_few_images_of_a_class_are_not_severed_where_classes_touch_a_little():
    """Two classes of 150 with some images between them; five of one are a little apart."""
    rng = np.random.default_rng(0)
    place = np.r_[rng.uniform(3, 7, 145), np.full(5, 14.0), rng.uniform(-7, -3, 150), [0.1, -0.1]]
    centres = np.array([14.0, 5.0, -5.0])  # of three templates
    score = -torch.from_numpy((place[:, None] - centres) ** 2).float()
    fair, severed = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert mean_valley(score, fair) < mean_valley(score, severed)


def test_faint_objects_of_a_frequent_class_do_not_fill_the_valley_of_a_rare_one():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], [950, 50])
    signal = torch.from_numpy(rng.uniform(0.1, 1, len(kind))).float()
    own = torch.from_numpy(0.9 + 0.2 * rng.random(len(kind))).float()
    sign = torch.from_numpy(1 - 2 * kind).float()
    clear = torch.stack([own * sign, -own * sign], 1)  # log-likelihoods of two templates
    score = 1000 * signal[:, None] * clear
    part = np.array([0, 1])
    assert mean_valley(1000 * clear, part) == pytest.approx(1 / (0.5 * 50 + 1))  # none is there
    assert mean_valley(score, part) == pytest.approx(mean_valley(1000 * clear, part), abs=1e-6)
    assert shallowest_valley(score, part) > 1  # by differences as they are
