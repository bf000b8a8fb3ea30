"""The template graph: its normalised cut, and label propagation along its links."""

import numpy as np
import pytest

from vaerun.training.clustering.spectral import (
    k_means,
    normalised_cut,
    propagate_labels,
    spectral_partition,
)


def blocks() -> tuple[np.ndarray, np.ndarray]:
    """Links of three close groups, two of them nearer, and an outlier; the group of each node."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], [4, 6, 5])
    usual = np.array([[10, 0.05, 0.05], [0.05, 10, 1], [0.05, 1, 10]])
    links = usual[group][:, group] * rng.uniform(0.5, 1.5, (15, 15))
    alone = np.pad(links + links.T, (0, 1))
    alone[-1, -1], alone[-1, 0], alone[0, -1] = 0.02, 1e-5, 1e-5
    return alone, np.append(group, -1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_cut_goes_through_weak_bridges_and_not_around_an_outlier(seed: int):
    links, group = blocks()
    shuffled = np.random.default_rng(seed).permutation(len(links))
    part = spectral_partition(links[np.ix_(shuffled, shuffled)], 3, seed)
    of_node = np.empty(len(links), int)
    of_node[shuffled] = part
    names = [set(of_node[group == k]) for k in range(3)]
    assert [len(name) for name in names] == [1, 1, 1]
    assert len(set.union(*names)) == 3


def chain_and_neighbours(n: int, bridge: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Links of a long chain of n nodes and of two close groups with a weak bridge between them."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], [n, 10, 10])
    links = np.array([[0, 0, 0], [0, 0.2, bridge], [0, bridge, 0.2]])[group][:, group]
    links[:n, :n] = np.eye(n, k=1) + np.eye(n, k=-1)
    links *= rng.uniform(0.9, 1.1, links.shape)
    links = (links + links.T) / 2
    np.fill_diagonal(links, 1)
    return links, group


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("bridge", [0.002, 0.005])
def test_a_class_that_splits_easily_does_not_merge_two_others(bridge: float, seed: int):
    """The third eigenvector splits the chain, but that cuts more links."""
    links, group = chain_and_neighbours(20, bridge, seed)
    part = spectral_partition(links, 3, seed)
    assert len({(a, b) for a, b in zip(part, group, strict=True)}) == 3


def test_the_normalised_cut_is_the_share_of_links_that_leave_each_part():
    rng = np.random.default_rng(0)
    links = rng.uniform(0, 1, (9, 9))
    links += links.T
    part = rng.permutation([0, 0, 0, 1, 1, 2, 2, 2, 2])
    want = 0.0
    for j in range(3):
        leaving = sum(
            links[a, b] for a in range(9) for b in range(9) if part[a] == j and part[b] != j
        )
        want += leaving / sum(links[a, b] for a in range(9) for b in range(9) if part[a] == j)
    assert normalised_cut(links, part) == pytest.approx(want)
    assert normalised_cut(links, np.zeros(9, int)) == pytest.approx(0)


@pytest.mark.parametrize("n_parts", [1, 2, 3, 5])
def test_there_may_be_one_part_or_as_many_as_nodes(n_parts: int):
    links, _ = blocks()
    part = spectral_partition(links[:5, :5], n_parts, 0)
    assert len(set(part)) == n_parts


def test_label_propagation_is_where_a_random_walk_first_meets_a_label():
    """Compared on a chain of templates with the walk computed step by step until it ends."""
    m, n_classes = 6, 3
    rng = np.random.default_rng(0)
    links = np.diag(rng.uniform(1, 5, m))
    for i in range(m - 1):
        links[i, i + 1] = links[i + 1, i] = rng.uniform(0.2, 2)
    label = np.array([0, -1, 2, 1, 2])
    assignment = rng.dirichlet(np.full(m, 0.3), len(label))
    labelled = label >= 0
    meeting = assignment[labelled].T  # (M, labelled images)
    step = np.concatenate([links, meeting], axis=1)
    step = step / step.sum(1, keepdims=True)
    where, met = np.eye(m), np.zeros((m, labelled.sum()))
    for _ in range(5000):
        where, met = where @ step[:, :m], met + where @ step[:, m:]
    assert where.max() < 1e-12
    want = np.stack([met[:, label[labelled] == j].sum(1) for j in range(n_classes)], axis=1)
    got = propagate_labels(links, assignment, label, n_classes)
    np.testing.assert_allclose(got, want, atol=1e-6)
    np.testing.assert_allclose(got.sum(1), 1)


def test_templates_that_no_label_reaches_have_equal_class_probabilities():
    links = np.array([[2.0, 1, 0, 0], [1, 2, 0, 0], [0, 0, 3, 1], [0, 0, 1, 3]])
    assignment = np.array([[1.0, 0, 0, 0]])
    got = propagate_labels(links, assignment, np.array([1]), 2)
    np.testing.assert_allclose(got, [[0, 1], [0, 1], [0.5, 0.5], [0.5, 0.5]], atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_fewer_distinct_rows_than_parts_leave_parts_empty():
    rows = np.repeat([[0.0, 0], [1, 1]], 3, axis=0)
    part = k_means(rows, 4, 0)
    assert len(np.unique(part)) == 2
    assert part[0] == part[1] == part[2] != part[3]
