"""Layouts of templates keep linked ones together, and k-means in them finds what runs together."""

import numpy as np
import pytest

from vaerun.training.clustering.layout import lay_out, layout_partitions


def chains(n_chains, length, between=1e-3):
    """Links of templates in chains, each linked to the next, and a little to all others."""
    n = n_chains * length
    links = np.full((n, n), between) + np.eye(n)
    for i in range(n - 1):
        if (i + 1) % length:
            links[i, i + 1] = links[i + 1, i] = 0.5
    return links, np.repeat(np.arange(n_chains), length)


@pytest.mark.parametrize("n_dims", [1, 2])
def test_links_are_short_in_a_layout_of_unit_size(n_dims):
    links, chain = chains(3, 15)
    place = lay_out(links, n_dims, seed=0)
    assert place.shape == (45, n_dims)
    weight = links.sum(1) / links.sum()
    assert weight @ place == pytest.approx(0, abs=1e-9)
    assert (weight @ place**2).mean() == pytest.approx(1)
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    neighbours = apart[np.arange(44), np.arange(1, 45)][chain[1:] == chain[:-1]]
    assert np.median(neighbours) < 0.3 * np.median(apart[chain[:, None] != chain])


def test_the_same_seed_gives_the_same_layout():
    links, _ = chains(2, 12)
    assert np.array_equal(lay_out(links, 2, seed=3), lay_out(links, 2, seed=3))


def test_too_few_templates_have_one_place():
    assert not lay_out(np.eye(3), 2, seed=0).any()


def test_partitions_of_layouts_find_groups_that_every_template_links_to():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3), 12)
    links = np.where(group[:, None] == group, 0.2, 0.02) * rng.uniform(0.5, 1.5, (36, 36))
    links = (links + links.T) / 2 + np.eye(36)
    for part in layout_partitions(links, 3, seed=0):
        assert all(len(set(part[group == j])) == 1 for j in range(3))
        assert len(set(part)) == 3


def test_fewer_templates_than_parts_propose_nothing():
    assert layout_partitions(np.eye(4), 5, seed=0) == []
