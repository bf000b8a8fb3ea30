import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.evaluation.metrics.clustering import (
    agreement,
    classification,
    contingency,
    kmeans_groups,
    kmeans_groups_of_posteriors,
    matches,
    names_of_groups,
    recall_one_to_one,
    usage,
)

groupings = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.integers(0, 4), min_size=n, max_size=n).map(np.array) for _ in range(2)]
    )
)


def test_renamed_groups_agree_fully():
    label = np.array([0, 0, 1, 1, 2, 2])
    assert agreement(2 - label, label) == pytest.approx(
        {"majority": 1, "hungarian": 1, "ari": 1, "nmi": 1}
    )


def test_majority_forgives_split_classes_and_hungarian_does_not():
    found = np.array([0, 0, 1, 1, 2, 2])
    label = np.array([0, 0, 0, 0, 1, 1])
    scores = agreement(found, label)
    assert scores["majority"] == 1.0
    assert scores["hungarian"] == pytest.approx(4 / 6)


def test_one_group_for_all_scores_the_largest_class():
    label = np.array([0, 0, 0, 1, 2])
    scores = agreement(np.zeros(5, int), label)
    assert scores["majority"] == scores["hungarian"] == 0.6
    assert scores["ari"] == scores["nmi"] == 0


@settings(deadline=None)
@given(pair=groupings)
def test_majority_is_never_below_hungarian_and_names_do_not_matter(pair):
    found, label = pair
    scores = agreement(found, label)
    assert 0 < scores["hungarian"] <= scores["majority"] <= 1
    assert agreement(4 - found, (label + 2) % 5) == pytest.approx(scores)


def test_contingency_counts_every_pair():
    table = contingency(np.array([0, 1, 1, 2]), np.array([3, 0, 0, 3]))
    assert table.shape == (3, 4)
    assert table[0, 3] == 1
    assert table[1, 0] == 2


def test_kmeans_finds_clumps_and_puts_validation_images_into_them():
    rng = np.random.default_rng(0)
    label = np.arange(300) % 3
    z = rng.normal(0, 0.1, (300, 2)) + 4 * np.eye(3, 2)[label]
    groups = kmeans_groups(z[:200], z[200:], 3)
    assert agreement(groups, label[200:])["hungarian"] == 1.0


def test_kmeans_on_a_collapsed_z_finds_one_group():
    assert set(kmeans_groups(np.zeros((50, 2)), np.zeros((9, 2)), 4)) == {0}


def test_classification_reports_recall_and_counts():
    label = np.array([0, 0, 1, 1, 1])
    got = classification(np.array([0, 1, 1, 1, 0]), label, 3)
    assert got["accuracy"] == pytest.approx(0.6)
    assert got["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert got["per_class"] == [0.5, pytest.approx(2 / 3), None]
    assert got["confusion"] == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_a_group_matches_the_class_it_holds_one_to_one():
    label = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    assert matches((label + 1) % 3, label, 3).tolist() == [2, 0, 1]
    # group 0 holds most of class 0, group 1 some of it and nothing that group 2 does not want more
    found = np.array([0, 0, 1, 2, 2, 2, 2, 2])
    assert matches(found, label, 4).tolist() == [0, -1, 2, -1]


@settings(deadline=None)
@given(pair=groupings)
def test_matched_images_are_the_agreement_of_one_to_one(pair):
    found, label = pair
    match = matches(found, label, 6)
    named = match[match >= 0]
    assert len(set(named)) == len(named)
    assert (match[found] == label).mean() == pytest.approx(agreement(found, label)["hungarian"])


@settings(deadline=None)
@given(pair=groupings)
def test_recall_is_that_of_a_best_assignment_of_all(pair):
    found, label = pair
    recall = recall_one_to_one(found, label, 6)
    counts = np.bincount(label, minlength=6)
    assert [share is None for share in recall] == (counts == 0).tolist()
    hits = [0 if share is None else share * n for share, n in zip(recall, counts, strict=True)]
    orders = np.array(list(itertools.permutations(range(5))))  # class of each group
    right = np.stack([(orders[:, found] == label) & (label == j) for j in range(6)]).sum(2)
    best = right[:, right.sum(0) == right.sum(0).max()].T  # hits of each class, best orders
    assert np.isclose(best, hits).all(1).any()


def test_recall_of_a_class_that_no_group_is_matched_to_is_0():
    found, label = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 3, 0])
    assert recall_one_to_one(found, label, 4) == [pytest.approx(2 / 3), 0, None, 1]
    assert recall_one_to_one(np.zeros(5, int), label, 4) == [1, 0, None, 0]


def test_images_without_a_label_match_nothing():
    assert matches(np.array([0, 1]), np.array([-1, -1]), 3).tolist() == [-1, -1, -1]
    found, label = np.array([1, 1, 1, 0]), np.array([-1, -1, 2, 0])
    assert matches(found, label, 2).tolist() == [0, 2]


def test_usage_is_the_share_of_images_in_each_group():
    assert usage(np.array([2, 0, 2, 2]), 4).tolist() == [0.25, 0, 0.75, 0]
    assert usage(np.array([], int), 2).tolist() == [0, 0]


def test_groups_are_named_after_the_most_frequent_class_in_them():
    found = np.array([0, 0, 0, 1, 1, 3, 3])
    label = np.array([1, 1, 0, 1, -1, -1, -1])
    assert names_of_groups(found, label, ["clubs", "hearts"], 4) == [
        "0: hearts",
        "1: hearts",
        "2: no image",
        "class 3",
    ]


def test_kmeans_of_posteriors_sees_means_and_widths():
    rng = np.random.default_rng(0)
    label = np.arange(400) % 4
    mean, sd = (rng.normal(0, 0.1, (400, 2)) for _ in range(2))
    mean[:, 0] += 3.0 * (label // 2)
    sd[:, 1] += 3.0 * (label % 2)
    groups = kmeans_groups_of_posteriors(mean, sd, 4)
    assert agreement(groups, label)["hungarian"] == 1.0
    assert agreement(kmeans_groups_of_posteriors(mean, 0 * sd, 4), label)["hungarian"] < 0.8


def test_kmeans_of_collapsed_posteriors_finds_one_group():
    assert set(kmeans_groups_of_posteriors(np.zeros((50, 2)), np.ones((50, 2)), 4)) == {0}
