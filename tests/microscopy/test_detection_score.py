"""Detected against true atoms."""

import numpy as np
import pytest

from vaerun.microscopy.detection_score import matches, score


def test_each_true_atom_is_matched_once_and_only_nearby():
    true = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    detected = np.array([[0.5, 0.0], [1.5, 0.0], [10.0, 3.0], [50.0, 50.0]])
    at_detected, at_true = matches(detected, true, 2.0)
    assert at_detected.tolist() == [0]
    assert at_true.tolist() == [0]


def test_f1_and_distance_by_hand():
    true = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]])
    detected = np.array([[1.0, 0.0], [10.0, 0.0], [20.0, 1.0], [90.0, 0.0]])
    total = score(detected, np.array([0, 1, 1, 0]), true, np.array([0, 0, 1, 1]), 0.2)
    # C: 1 right of 2 detected and 2 true; Si: 1 right of 2 and 2
    assert total.f1.tolist() == [0.5, 0.5]
    assert total.rms_A == pytest.approx(0.2 * np.sqrt(2 / 3))
    twice = total + total
    assert twice.f1.tolist() == [0.5, 0.5]
    assert twice.rms_A == pytest.approx(total.rms_A)


def test_nothing_detected_is_no_failure():
    nothing = score(np.zeros((0, 2)), np.zeros(0, int), np.ones((2, 2)), np.zeros(2, int), 0.14)
    assert nothing.f1.tolist() == [0.0, 0.0]
