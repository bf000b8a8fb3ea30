"""Classes of one kind, of two kinds, of no image, and of few images in noise."""

import dataclasses

import numpy as np
import pytest

from vaerun.evaluation.checks.classes_apart import (
    _are_one,
    _crossing,
    _links,
    _one_kind,
    classes_apart,
)
from vaerun.evaluation.checks.pair_match import PairMatch

from ...conftest import make_encodings
from .conftest import N


def test_kinds_in_two_classes_and_two_kinds_in_one(checked):
    kind = np.arange(N) % 2
    right = classes_apart(checked(kinds=kind, predicted=kind, n_classes=2))
    assert right.passed, right.text
    split = np.where(kind == 0, np.arange(N) // 2 % 2, 2)
    finding = classes_apart(checked(kinds=kind, predicted=split, n_classes=3))
    assert "look alike" in finding.text
    assert finding.mend == "model.category.n_classes=2"
    three = np.arange(N) % 3
    finding = classes_apart(checked(kinds=three, predicted=(three > 0) * 1, n_classes=2))
    assert finding.text == "class 1 holds two kinds"
    assert finding.mend == "model.category.n_classes=3"
    empty = classes_apart(checked(kinds=kind, predicted=kind, n_classes=3))
    assert "1 of 3 classes" in empty.text


def test_noise_that_hides_what_tells_classes_apart_is_not_held_against_them(checked):
    """If the model draws them differently and finds the class of its noisy drawings again."""
    kind = np.arange(N) % 2

    def finding(**options):
        run = checked(kinds=kind, predicted=kind, n_classes=2, noise=2.5, **options)
        label, used = run.encodings.predicted, np.arange(2)
        assert _one_kind(_links(run.likeness, label), label, used) == [(0, 1)]
        return classes_apart(run)

    assert finding().passed
    not_again = finding(again=lambda run: lambda _: dataclasses.replace(
        run.encodings, predicted=np.where(np.arange(N) % 7, kind, 1 - kind)
    ))  # fmt: skip
    assert not_again.text == "classes 0 and 1 look alike"
    assert finding(drawn=0.0).text == "classes 0 and 1 look alike"  # both as the mean image


@pytest.mark.parametrize(("within", "pairs"), [(0.9, []), (0.3, [(1, 2)])])
def test_rare_classes_are_not_alike_for_want_of_other_images(within: float, pairs: list):
    """Two classes of four images, each the next to the other, among 40 of another kind."""
    label = np.repeat([0, 1, 2], [40, 4, 4])
    random = np.random.default_rng(0).uniform(0, 0.05, (48, 48))
    likeness = np.full((3, 3), 0.1)
    likeness[1, 2] = likeness[2, 1] = 0.6
    np.fill_diagonal(likeness, [0.9, within, within])
    match = PairMatch(correlation=(likeness[np.ix_(label, label)] + random)[:, :, None])
    assert _one_kind(_links(match, label), label, np.arange(3)) == pairs


@pytest.mark.parametrize(("n", "n_errors"), [(4, 0.816), (10, 1.291), (40, 2.582)])
def test_two_classes_are_alike_only_if_that_is_no_chance(n: int, n_errors: float):
    """A quarter of the links are between two classes of n images, an eighth is allowed.

    The limit is (1/4 − 1/8) / √(1/4 · 3/4 / 2n) standard errors away.
    """
    label = np.repeat([0, 1], n)
    links = np.where(label[:, None] == label, 3.0, 1.0)
    assert _crossing(links, label, (0, 1)) == 0.25
    assert _are_one(links, label, (0, 1), n_errors - 0.01)
    assert not _are_one(links, label, (0, 1), n_errors + 0.01)


def test_a_rare_class_that_no_image_looked_at_has_is_in_use(checked):
    """Two of 100 images, all of them training images."""
    kind = np.arange(N) % 2
    run = checked(kinds=kind, predicted=kind, n_classes=3)
    for n_rare, passed in ((2, True), (0, False)):
        predicted = np.where(np.arange(100) < n_rare, 2, np.arange(100) % 2)
        encodings = make_encodings(n_train=100, n_val=0, predicted=predicted)
        finding = classes_apart(dataclasses.replace(run, all_encodings=encodings))
        assert finding.passed == passed, finding.text
