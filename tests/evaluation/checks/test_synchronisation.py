"""Angles from differences of pairs: exact without noise, by majority with contradictions."""

import numpy as np
import pytest

from vaerun.evaluation.checks.synchronisation import off_the_main, synchronise

RNG = np.random.default_rng(2)
N = 60


def wrapped(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


def chain(n, reach=3):
    """Each of n with the next few."""
    i = np.repeat(np.arange(n), reach)
    j = i + np.tile(np.arange(1, reach + 1), n)
    return i[j < n], j[j < n]


def test_consistent_differences_give_the_angles_back():
    truth = RNG.uniform(-np.pi, np.pi, N)
    i, j = chain(N)
    found = synchronise(N, i, j, truth[j] - truth[i]).angle
    assert np.abs(wrapped(found - truth - (found - truth)[0])).max() < 1e-9


def test_contradicting_pairs_are_outvoted():
    truth = RNG.uniform(-np.pi, np.pi, N)
    i, j = chain(N, reach=8)
    difference = truth[j] - truth[i]
    wrong = RNG.uniform(size=len(i)) < 0.15
    difference[wrong] = RNG.uniform(-np.pi, np.pi, wrong.sum())
    away = synchronise(N, i, j, difference).angle - truth
    away = wrapped(away - np.angle(np.exp(1j * away).mean()))
    assert np.rad2deg(np.abs(away)).max() < 45
    assert np.rad2deg(np.median(np.abs(away))) < 10


@pytest.mark.parametrize("turned", [0, 15, 30])
def test_few_pairs_across_tell_that_a_part_is_turned(turned):
    offset = np.where(np.arange(N) < turned, np.pi, 0)
    i, j = chain(N)  # of some 170 pairs six have an end on each side
    joined = synchronise(N, i, j, offset[j] - offset[i] + RNG.normal(0, 0.05, len(i)))
    off, away = off_the_main(joined, np.deg2rad(45))
    assert off.sum() == turned
    assert np.abs(away[off]).min(initial=np.pi) > 2.5


def test_sets_without_a_pair_between_have_a_main_angle_each():
    i, j = chain(N // 2)
    i, j = np.concatenate([i, i + N // 2]), np.concatenate([j, j + N // 2])
    offset = np.where(np.arange(N) < N // 2, 1.0, -1.0)
    joined = synchronise(N, i, j, offset[j] - offset[i])
    assert [len(one) for one in joined.sets()] == [N // 2, N // 2]
    assert not off_the_main(joined, 0.1)[0].any()
