import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.analysis.clusters import agreement, classification, contingency, kmeans_groups

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
    assert got["per_class"] == [0.5, pytest.approx(2 / 3), None]
    assert got["confusion"] == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
