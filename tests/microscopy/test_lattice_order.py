"""Order tells atoms of a crystal from blobs at random."""

import numpy as np

from vaerun.microscopy.lattice_order import local_order


def lattice(rng: np.random.Generator, jitter: float = 0.05) -> np.ndarray:
    places = np.stack(np.mgrid[:20, :20], -1).reshape(-1, 2).astype(float)
    return places + jitter * rng.normal(size=places.shape)


def test_a_crystal_is_ordered_and_random_places_are_not():
    rng = np.random.default_rng(0)
    assert np.quantile(local_order(lattice(rng), 1.0), 0.05) > 0.85
    assert np.quantile(local_order(rng.uniform(0, 20, (400, 2)), 1.0), 0.95) < 0.5


def test_an_atom_out_of_place_keeps_its_region():
    places = lattice(np.random.default_rng(0), 0.02)
    places[210] += 0.4
    order = local_order(places, 1.0)
    assert order[210] > 0.55
    assert order[210] < np.median(order)


def test_few_places_have_no_order():
    assert not local_order(np.zeros((5, 2)), 1.0).any()
