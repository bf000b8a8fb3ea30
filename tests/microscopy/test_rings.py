import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path
from scipy.spatial import Delaunay

from vaerun.microscopy.bonds import BondRule, find_bonds, neighbours
from vaerun.microscopy.rings import (
    PAPER_CLASSES,
    Rings,
    check_classes,
    classify,
    find_rings,
    ring_sizes,
)
from vaerun.utils.errors import UserError

CC, SI_C = 1.42, 1.85  # Å
RULE = BondRule(longest=1.8, silicon_longest=2.2)
rngs = st.builds(np.random.default_rng, st.integers(0, 2**32 - 1))


def honeycomb(rows, columns):
    """Atoms of graphene in Å, (4 rows columns, 2), cell by cell; 1 and 2 of each are bonded."""
    h = 3**0.5 / 2
    cell = np.array([[0, 0], [h, 0.5], [h, 1.5], [0, 2]])
    corner = np.stack(np.mgrid[:rows, :columns], axis=-1).reshape(-1, 1, 2) * [2 * h, 3]
    return CC * (corner + cell).reshape(-1, 2)


def polygon(n, side=1.0):
    """Corners of a regular n-gon, counter-clockwise as displayed, and its edges."""
    angle = 2 * np.pi * np.arange(n) / n
    corner = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * side / (2 * np.sin(np.pi / n))
    return corner, np.stack([np.arange(n), (np.arange(n) + 1) % n], axis=1)


def cycles(rings):
    """Rings as cyclic sequences, each from its lowest number on."""
    parts = np.split(rings.atom, rings.start[1:-1]) if len(rings) else []
    return sorted(tuple(np.roll(ring, -ring.argmin()).tolist()) for ring in parts)


def centres(rings, position):
    """Mean position of the atoms of each ring, (R, 2)."""
    total = [
        np.bincount(rings.ring, axis, minlength=len(rings)) for axis in position[rings.atom].T
    ]
    return np.stack(total, axis=1) / rings.size[:, None]


def sizes(position):
    """(N, 4) ring sizes, by `RULE`."""
    return ring_sizes(find_rings(position, find_bonds(position, RULE)), len(position))


def planar_graph(rng, n, most, kept):
    """Edges of random triangles: a share of them, at most ``most`` an atom."""
    position = rng.uniform(0, 10, (n, 2))
    corner = Delaunay(position).simplices
    edges = np.unique(np.sort(np.concatenate([corner[:, [0, 1]], corner[:, 1:]])), axis=0)
    degree, pairs = np.zeros(n, int), []
    for i, j in rng.permutation(edges[rng.random(len(edges)) < kept]):
        if max(degree[i], degree[j]) < most:
            degree[[i, j]] += 1
            pairs.append((i, j))
    return position, np.array(pairs, int).reshape(-1, 2)


def empty_cycles(position, pairs, longest):
    """Oracle: sets of atoms on a cycle that has no bond of the same flake in its inside."""
    graph = nx.Graph(pairs.tolist())
    found = []
    for flake in (graph.subgraph(part) for part in nx.connected_components(graph)):
        middle = np.array([position[i] / 2 + position[j] / 2 for i, j in flake.edges])
        for cycle in nx.simple_cycles(flake, length_bound=longest):
            edges = set(map(frozenset, zip(cycle, cycle[1:] + cycle[:1], strict=True)))
            others = [frozenset(edge) not in edges for edge in flake.edges]
            if not Path(position[cycle]).contains_points(middle[others]).any():
                found.append(sorted(cycle))
    return sorted(found)


def nearest_by_hand(position, rule, species):
    """Oracle: bonds from the definition, one pair of atoms at a time."""
    n = len(position)
    wanted = set()
    for i in range(n):
        near = []
        for j in set(range(n)) - {i}:
            longest = rule.silicon_longest if species[i] or species[j] else rule.longest
            near.append((np.hypot(*(position[i] - position[j])) / longest, j))
        most = rule.silicon_most if species[i] else rule.most
        wanted |= {(i, j) for stretch, j in sorted(near)[:most] if stretch <= 1}
    return sorted([i, j] for i, j in wanted if i < j and (j, i) in wanted)


@settings(deadline=None, max_examples=40)
@given(
    rng=rngs,
    n=st.integers(0, 25),
    most=st.integers(1, 4),
    silicon_most=st.integers(1, 4),
    longest=st.floats(0.3, 4),
    dopants=st.sampled_from([0, 0.3, 1]),
)
def test_bonds_are_those_of_the_definition(rng, n, most, silicon_most, longest, dopants):
    position, species = rng.uniform(-3, 3, (n, 2)), (rng.random(n) < dopants).astype(int)
    rule = BondRule(
        longest=longest, most=most, silicon_longest=1.3 * longest, silicon_most=silicon_most
    )
    found = find_bonds(position, rule, species)
    assert found.dtype == np.int64
    assert found.tolist() == nearest_by_hand(position, rule, species)


def test_a_long_bond_to_si_is_not_crowded_out_by_a_second_neighbour():
    # C in the middle; C at 1.42 Å twice, a squeezed second neighbour at 1.79 Å, Si at 1.85 Å
    position = np.array([[0, 0], [0, CC], [-CC, 0], [0, -1.79], [SI_C, 0]])
    species = np.array([0, 0, 0, 0, 1])
    joined = neighbours(find_bonds(position, RULE, species), 5)
    assert joined[0].tolist() == [1, 2, 4, -1]
    assert neighbours(find_bonds(position, RULE), 5)[0].tolist() == [1, 2, 3, -1]


def test_si_has_four_bonds_where_c_has_three():
    position = np.array([[0, 0], [0, 1.5], [0, -1.6], [1.7, 0], [-1.75, 0]])
    assert len(find_bonds(position, RULE)) == 3
    assert len(find_bonds(position, RULE, np.array([1, 0, 0, 0, 0]))) == 4
    assert len(find_bonds(position, RULE, np.ones(5, int))) == 4


@settings(deadline=None, max_examples=40)
@given(rng=rngs, n=st.integers(3, 22), most=st.integers(2, 4), kept=st.floats(0.4, 1))
def test_rings_are_the_cycles_with_nothing_of_their_flake_inside(rng, n, most, kept):
    position, pairs = planar_graph(rng, n, most, kept)
    rings = find_rings(position, pairs)
    assert sorted(map(sorted, cycles(rings))) == empty_cycles(position, pairs, 12)


def test_honeycomb_holds_sixes_alone_and_as_many_as_euler_says():
    position = honeycomb(5, 7)
    pairs = find_bonds(position, RULE)
    rings = find_rings(position, pairs)
    assert (rings.size == 6).all()
    assert len(rings) == len(pairs) - len(position) + 1
    apart = np.linalg.norm(position[:, None] - centres(rings, position), axis=-1)  # (N, R)
    held = apart < CC + 1e-9
    assert (held.sum(0) == 6).all()
    assert (held.sum(1) == (ring_sizes(rings, len(position)) == 6).sum(1)).all()


def test_stone_wales_defect_has_two_fives_and_two_sevens():
    position = honeycomb(6, 6)
    hexagons = len(find_rings(position, find_bonds(position, RULE)))
    bond = 4 * (6 * 3 + 3) + np.array([1, 2])  # turned by 90° about its middle
    middle = position[bond].mean(0)
    position[bond] = middle + (position[bond] - middle)[:, ::-1]
    count = np.bincount(find_rings(position, find_bonds(position, RULE)).size)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, hexagons - 4, 2]
    around = sizes(position)
    assert around[bond].tolist() == [[5, 7, 7, 0]] * 2
    found = classify(around, ["5-6-6", "5-6-7", "6-6-7", "5-7-7"])
    assert np.bincount(found + 1)[1:].tolist() == [4, 4, 6, 2]


def test_a_vacancy_is_a_ring_of_twelve_that_is_dropped_on_demand():
    position = np.delete(honeycomb(6, 6), 4 * (6 * 3 + 3) + 1, axis=0)
    pairs = find_bonds(position, RULE)
    assert sorted(set(find_rings(position, pairs).size)) == [6, 12]
    assert set(find_rings(position, pairs, largest=11).size) == {6}
    assert set(find_rings(position, pairs, smallest=7).size) == {12}


def test_two_flakes_far_apart_keep_their_rings():
    flake = honeycomb(3, 3)
    both = np.concatenate([flake, np.add(flake, [100, -50])])
    assert sizes(both).tolist() == sizes(flake).tolist() * 2
    assert (sizes(flake) == 6).any()


def test_a_flake_loose_inside_a_ring_leaves_both_rings():
    outer, outer_edges = polygon(12)
    inner, inner_edges = polygon(3)
    position = np.concatenate([outer, inner])
    rings = find_rings(position, np.concatenate([outer_edges, inner_edges + 12]))
    assert cycles(rings) == [tuple(range(12)), (12, 13, 14)]
    assert centres(rings, position) == pytest.approx(np.zeros((2, 2)))


def test_a_thin_crescent_is_a_ring_and_its_outside_is_not():
    angle = np.linspace(-2, 2, 4)
    rim = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    position = np.concatenate([0.95 * rim, rim[::-1]])
    assert len(find_rings(position, polygon(8)[1])) == 1


@pytest.mark.parametrize(("reach", "n_rings"), [(0.4, 0), (1.6, 1)])
def test_a_dangling_atom_spoils_the_ring_that_it_lies_in(reach, n_rings):
    corner, edges = polygon(6)
    position = np.concatenate([corner, corner[:1] * reach])
    assert len(find_rings(position, np.concatenate([edges, [[0, 6]]]))) == n_rings


def test_rings_go_counter_clockwise_as_displayed_from_their_lowest_atom():
    position = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])  # clockwise from the top left
    rings = find_rings(position, np.array([[0, 1], [1, 2], [2, 3], [0, 3]]))
    assert rings.atom.tolist() == [0, 3, 2, 1]
    assert rings.start.tolist() == [0, 4]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_atoms_for_a_ring_have_none(n):
    position = np.array([[0, 0], [0, CC]])[:n]
    pairs = find_bonds(position, RULE)
    rings = find_rings(position, pairs)
    assert pairs.shape == (n // 2, 2)
    assert len(rings) == 0
    assert centres(rings, position).shape == (0, 2)
    assert classify(ring_sizes(rings, n), PAPER_CLASSES).tolist() == [0] * n
    assert neighbours(pairs, n).tolist() == [
        [1 - i if n == 2 else -1, -1, -1, -1] for i in range(n)
    ]


def test_three_atoms_are_a_ring_where_all_are_near():
    chain = np.array([[0, 0], [0, CC], [0, 2 * CC]])
    assert not sizes(chain).any()
    assert sizes(polygon(3, CC)[0]).tolist() == [[3, 0, 0, 0]] * 3


@settings(deadline=None, max_examples=40)
@given(rng=rngs, n=st.integers(0, 200))
def test_crossing_bonds_still_give_simple_rings(rng, n):
    position = rng.uniform(0, n**0.5, (n, 2))
    position[: n // 10] = position[n // 2 : n // 2 + n // 10]  # and some atoms on top of others
    rule = BondRule(longest=3, most=4, silicon_longest=3)
    rings = find_rings(position, find_bonds(position, rule))
    assert all(len(set(ring)) == len(ring) for ring in cycles(rings))
    assert (ring_sizes(rings, n) > 0).sum() == rings.size.sum()


@settings(deadline=None, max_examples=40)
@given(rng=rngs, angle=st.floats(-4, 4), kept=st.floats(0.7, 1), noise=st.floats(0.01, 0.2))
def test_rings_follow_the_atoms_when_these_turn_move_and_swap_numbers(rng, angle, kept, noise):
    position = honeycomb(4, 4)[rng.random(64) < kept]
    position = position + rng.normal(0, noise, position.shape)
    species = (rng.random(len(position)) < 0.1).astype(int)
    to = rng.permutation(len(position))  # the new number of each atom
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved, moved_species = np.empty_like(position), np.empty_like(species)
    moved[to], moved_species[to] = position @ turn.T + rng.uniform(-99, 99, 2), species

    rings = find_rings(position, find_bonds(position, RULE, species))
    moved_rings = find_rings(moved, find_bonds(moved, RULE, moved_species))
    assert cycles(Rings(atom=to[rings.atom], start=rings.start)) == cycles(moved_rings)
    around, moved_around = (ring_sizes(each, len(to)) for each in (rings, moved_rings))
    assert (moved_around[to] == around).all()


@settings(deadline=None, max_examples=40)
@given(rng=rngs, n=st.integers(3, 40), kept=st.floats(0, 1))
def test_neighbours_are_those_of_the_graph(rng, n, kept):
    _, pairs = planar_graph(rng, n, 4, kept)
    graph = nx.Graph(pairs.tolist())
    graph.add_nodes_from(range(n))
    found = neighbours(pairs, n)
    assert [[j for j in row if j >= 0] for row in found.tolist()] == [
        sorted(graph[i]) for i in range(n)
    ]


def test_classes_of_the_paper_go_by_their_sizes():
    around = [[0, 0, 0, 0], [6, 0, 0, 0], [6, 6, 0, 0], [5, 6, 0, 0], [6, 6, 7, 0], [6, 6, 6, 0]]
    around += [[5, 6, 7, 0], [5, 6, 6, 0], [5, 5, 6, 0], [5, 5, 0, 0], [5, 6, 6, 6]]
    want = [0, 0, 1, 2, 3, 4, 5, 6, -1, -1, -1]
    assert classify(np.array(around), PAPER_CLASSES).tolist() == want
    others = [7 if number < 0 else number for number in want]
    assert classify(np.array(around), [*PAPER_CLASSES, "other"]).tolist() == others
    first = [0 if number < 0 else number + 1 for number in want]
    assert classify(np.array(around), ["other", *PAPER_CLASSES]).tolist() == first


@given(ring=st.lists(st.integers(3, 12), min_size=2, max_size=4), rng=rngs)
def test_the_order_of_sizes_in_a_name_does_not_matter(ring, rng):
    row = np.array([sorted(ring) + [0] * (4 - len(ring))])
    name = "-".join(map(str, rng.permutation(ring)))
    assert classify(row, ["few", name]).tolist() == [1]
    assert classify(np.zeros((1, 4), int), [name]).tolist() == [-1]


@pytest.mark.parametrize(
    "name", ["", "6", "6-", "6 6", "5-6-x", "2-6", "6-6-13", "5-6-6-6-6", "Few", "-6-6", "6-6\n"]
)
def test_a_name_of_no_class_is_refused(name):
    with pytest.raises(UserError) as refused:
        classify(np.zeros((0, 4), int), ["few", name])
    assert str(refused.value) == (
        f"data.ring_classes={name.strip()} is not a class — "
        "give few, other or two to four ring sizes from 3 to 12 such as 5-6-6"
    )


def test_the_same_class_twice_is_refused_and_all_faults_are_listed_at_once():
    with pytest.raises(UserError) as refused:
        check_classes(["few", "5-6-6", "seven", "6-5-6", "few"])
    assert str(refused.value) == (
        "data.ring_classes=seven is not a class — "
        "give few, other or two to four ring sizes from 3 to 12 such as 5-6-6; "
        "data.ring_classes=6-5-6 is the same class as 5-6-6 — leave one of them out; "
        "data.ring_classes=few is the same class as few — leave one of them out"
    )


def test_a_hundred_thousand_atoms_take_less_than_ten_seconds(record_property):
    position = honeycomb(158, 159)
    position += np.random.default_rng(0).normal(0, 0.05, position.shape)
    start = time.perf_counter()
    pairs = find_bonds(position, RULE)
    rings = find_rings(position, pairs)
    around = ring_sizes(rings, len(position))
    classify(around, PAPER_CLASSES)
    neighbours(pairs, len(position))
    seconds = time.perf_counter() - start
    record_property("seconds", seconds)
    assert len(position) > 100_000
    assert len(rings) == len(pairs) - len(position) + 1  # Euler, as no bond is broken
    assert seconds < 10
