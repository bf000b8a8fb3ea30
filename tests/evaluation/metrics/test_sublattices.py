from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.sublattices import defect_auc, lattice, two_peaks
from vaerun.evaluation.metrics.summary import summarise
from vaerun.models.encodings import Encodings


def measured(encodings):
    return lattice(encodings.train, encodings.val)


def test_sublattices_and_defects_in_the_encodings_score_full_marks(graphene):
    found = measured(graphene()[1])
    assert found["peak_separation_deg"] == pytest.approx(60, abs=1)
    assert found["peak_width_deg"] == pytest.approx(np.rad2deg(0.05) * np.sqrt(2 / np.pi), rel=0.1)
    assert found["sublattice_accuracy"] == 1
    assert found["defect_auc"] == 1


@settings(deadline=None, max_examples=50)
@given(phase=st.floats(-10, 10), gap=st.floats(1.8, np.pi), share=st.floats(0.2, 0.8))
def test_two_peaks_are_detected_at_any_phase(phase, gap, share):
    second = np.arange(500) < 500 * share
    turns = phase + gap * second + 0.2 * np.random.default_rng(0).normal(size=500)
    peaks, nearer = two_peaks(turns)
    own = nearer == nearer[0]
    assert (own == second).all()
    assert np.abs(wrap(peaks[nearer[0]] - phase - gap)) < 0.1
    assert np.abs(wrap(peaks[1 - nearer[0]] - phase)) < 0.1


def test_a_single_peak_is_not_two(graphene):
    rng = np.random.default_rng(1)
    made = graphene()[1]
    for spread in (0.0, 0.05):
        one = (1.0 + spread * rng.normal(size=len(made))).astype("f4")
        found = measured(replace(made, angle=one))
        assert found["peak_separation_deg"] == 0
        assert found["sublattice_accuracy"] < 0.6


def test_a_uniform_angle_is_15_degrees_wide_and_predicts_no_sublattice(graphene):
    made = graphene(side=300)[1]
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, len(made)).astype("f4")
    found = measured(replace(made, angle=angle))
    assert found["peak_width_deg"] == pytest.approx(15, abs=0.7)
    assert found["sublattice_accuracy"] < 0.56


def test_it_does_not_matter_which_sublattice_is_called_0(graphene):
    made = graphene()[1]
    some = np.random.default_rng(0).random(len(made)) < 0.1
    sublattice = np.where(some, 1 - made.factors["sublattice"], made.factors["sublattice"])
    found = [
        measured(replace(made, factors={"sublattice": values}))["sublattice_accuracy"]
        for values in (sublattice, 1 - sublattice)
    ]
    assert found[0] == found[1] == pytest.approx(0.9, abs=0.03)


def test_atoms_of_unknown_truth_do_not_count(graphene):
    made = graphene()[1]
    known = np.isfinite(made.factors["ideal"])
    z = np.where(known[:, None], made.z_mean, 1 - made.z_mean)
    angle = np.where(known, made.angle, made.angle + np.pi / 3)
    found = measured(replace(made, z_mean=z, angle=angle))
    assert found["sublattice_accuracy"] == found["defect_auc"] == 1


def test_what_is_not_known_is_absent(graphene):
    made = graphene()[1]
    peaks = {"peak_separation_deg", "peak_width_deg"}
    assert measured(replace(made, factors={})).keys() == peaks
    nothing = np.full(len(made), np.nan, "f4")
    assert measured(replace(made, factors=dict.fromkeys(made.factors, nothing))).keys() == peaks
    all_ideal = made.factors | {"ideal": np.ones(len(made), "f4")}
    assert "defect_auc" not in measured(replace(made, factors=all_ideal))
    still = replace(made, angle=np.zeros(len(made), "f4"))
    assert measured(still).keys() == {"defect_auc"}


def test_images_without_atoms_have_no_lattice_metrics(graphene, encodings):
    made = graphene()[1]
    nowhere = replace(made.place, species=np.full(len(made), -1))
    assert measured(replace(made, place=nowhere)) is None
    assert measured(encodings()) is None
    assert "lattice" not in summarise(encodings(), [], [], supervised=False)


def test_grains_of_several_orientations_are_judged_each_by_its_own_peaks(graphene):
    made = graphene()[1]
    grain = (made.place.centre[:, 1] > 100).astype("f4")
    turned = replace(made, angle=(made.angle + grain * np.pi / 3).astype("f4"))
    assert measured(turned)["sublattice_accuracy"] < 0.6
    known = measured(replace(turned, factors=turned.factors | {"grain": grain}))
    assert known["sublattice_accuracy"] == 1
    assert known["peak_separation_deg"] == pytest.approx(60, abs=1)


def test_surroundings_of_another_symmetry_have_no_peaks(graphene):
    made = graphene()[1]
    assert lattice(made.train, made.val, 4).keys() == {"defect_auc"}


def test_an_image_with_a_label_to_learn_from_counts_once(graphene):
    made = graphene()[1]
    noisy = replace(made, z_mean=np.random.default_rng(0).normal(size=(len(made), 2)))
    labelled = noisy.train.select(noisy.train.factors["ideal"] == 0)
    twice = Encodings.concatenate([noisy, *[labelled] * 3])
    assert measured(twice) == measured(noisy)


def test_random_content_has_an_area_of_one_half_and_a_wrong_one_none():
    rng = np.random.default_rng(0)
    z, defect = rng.normal(size=(4000, 2)), rng.random(4000) < 0.2
    assert defect_auc(z[:2000], defect[:2000], z[2000:], defect[2000:]) == pytest.approx(
        0.5, abs=0.05
    )
    content = np.where(defect, 5.0, 0.0)[:, None] + 0.1 * z
    assert defect_auc(content[:2000], ~defect[:2000], content[2000:], defect[2000:]) == 0


def test_flags_are_no_factors_and_unknown_values_of_others_do_not_count(graphene):
    made = graphene(side=300)[1]
    found = summarise(made, ["ideal", "hole"], [3, 3], supervised=False)
    assert found["factors"].keys() == {"strain"}
    assert found["factors"]["strain"]["r2_within_class"] > 0.5
    assert found["lattice"]["sublattice_accuracy"] == 1
    assert max(found["angle"]["mae_deg"]) < 4
    unlabelled = replace(made, label=np.full(len(made), -1))
    angle = summarise(unlabelled, ["ideal", "hole"], [3, 3], supervised=False)["angle"]
    assert angle["symmetry"] == [3]
    assert angle["overall_mae_deg"] < 4


@pytest.mark.parametrize("swapped", [False, True])
def test_two_predicted_classes_are_judged_as_ideal_and_defective(graphene, swapped):
    made = graphene()[1]
    ideal = np.nan_to_num(made.factors["ideal"]) > 0.5
    wrong = np.random.default_rng(0).random(len(made)) < 0.2
    predicted = (ideal ^ wrong ^ swapped).astype(int)
    two = replace(made, predicted=predicted, class_probability=np.eye(2, dtype="f4")[predicted])
    assert measured(two)["two_class_accuracy"] == pytest.approx(0.8, abs=0.05)
    all_one = replace(two, predicted=np.zeros(len(made), int))
    assert measured(all_one)["two_class_accuracy"] == 0.5
    three = replace(two, class_probability=np.eye(3, dtype="f4")[predicted])
    assert "two_class_accuracy" not in measured(three)
