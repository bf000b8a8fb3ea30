import pytest

from vaerun.evaluation.headline import headline
from vaerun.utils.format import duration, format_significant, percent

METRICS = {
    "elbo": {"loss": 73.123, "reconstruction": 61.0},
    "angle": {
        "resultant": [0.99, 0.95, None],
        "mae_deg": [3.0, 5.0, None],
        "mae_deg_given_factors": [1.0, 2.0, None],
        "symmetry": [1, 1, 2],
        "ground_states": [1, 2, None],
        "overall_mae_deg": 4.0,
        "signed_resultant": 0.9,
        "paired_mae_deg": 6.04,
    },
    "shift": {"pearson": [0.9, -0.5]},
    "factors": {"shear": {"r2_within_class": 0.934}},
    "clustering": {"hungarian": 0.456, "majority": 0.6, "method": "kmeans"},
    "classification": {"accuracy": 0.746, "balanced_accuracy": 0.6123},
    "regression": {
        "target": "strain",
        "r2": -0.5,
        "coverage_68": 0.7,
        "known": {"r2": 0.98, "coverage_68": 0.65},
    },
    "knn_accuracy": 1.0,
    "lattice": {
        "peak_separation_deg": 59.81,
        "peak_width_deg": 2.34,
        "sublattice_accuracy": 0.987,
        "defect_auc": 0.934,
    },
    "psnr": {"input_db": 10.06, "output_db": 21.54, "gain_db": 11.48},
    "train": {"seconds": 95.4, "images_per_second": 2430.4},
}


def test_the_headline_has_each_number_with_its_unit():
    assert headline(METRICS) == [
        ("Validation loss", "73.1 nats per image"),
        ("Restoration", "21.5 dB, input 10.1 dB"),
        ("Angle error", "4.0°"),
        ("Angle error, in pairs", "6.0°"),
        ("Angle error, shear allowed for", "1.5°"),
        ("Angle agreement R", "0.97, least 0.95"),
        ("Orientation modes", "1 2 · by class"),
        ("Shift correlation", "0.20, least −0.50"),
        ("Class accuracy", "74.6 %, mean of the classes 61.2 %"),
        ("Strain, of unseen images (R²)", "−0.500, 70.0 % within the spread, 68 % expected"),
        (
            "Strain, each known one from the others (R²)",
            "0.980, 65.0 % within the spread, 68 % expected",
        ),
        ("k-means on z, one to one", "45.6 %"),
        ("Neighbour accuracy of z", "100.0 %"),
        ("Shear from z (R²)", "0.93"),
        ("Sublattices from θ", "98.7 %"),
        ("Peaks of θ apart", "59.8°, each ±2.3°"),
        ("Defects from z (ROC area)", "0.93"),
        ("Training", "95 s, 2,430 images/s"),
    ]


@pytest.mark.parametrize("key", METRICS)
def test_any_part_may_be_missing(key):
    rest = {k: v for k, v in METRICS.items() if k != key}
    assert len(headline(rest)) < len(headline(METRICS))
    assert headline({}) == []


def test_one_count_for_all_is_printed_once():
    angle = METRICS["angle"] | {"ground_states": [1, 1, 1]}
    assert ("Orientation modes", "1 in every class") in headline({"angle": angle})


def test_equal_accuracies_are_printed_once():
    for mean in ({"balanced_accuracy": 0.7462}, {}):
        classification = {"accuracy": 0.746, **mean}
        assert headline({"classification": classification}) == [("Class accuracy", "74.6 %")]


def test_a_single_peak_and_a_lattice_of_unknown_truth_are_named():
    two_grains = {"lattice": {"peak_separation_deg": 59.8, "peak_width_deg": 14.3}}
    assert headline(two_grains) == [
        ("Peaks of θ apart", "no two clear ones (±14.3°): several grains, or no order")
    ]
    assert headline({"lattice": {"peak_separation_deg": 0.0, "peak_width_deg": 3.0}}) == [
        ("Peaks of θ apart", "only one peak")
    ]
    assert headline({"lattice": {"defect_auc": 0.5}}) == [("Defects from z (ROC area)", "0.50")]


def test_numbers_are_written_as_people_write_them():
    assert [format_significant(v) for v in (73.123, 0.01234, 12345.6, -1.5)] == [
        "73.1",
        "0.0123",
        "12,346",
        "−1.5",
    ]
    assert [duration(s) for s in (4.25, 48, 200, 9000)] == ["4.2 s", "48 s", "3 min", "2 h 30 min"]
    assert percent(0.8214) == "82.1 %"


def test_classes_with_hardly_any_image_are_named():
    """Less than 1 % of the images; a rare class may well have 2 %."""
    rows = dict(headline({"clustering": {"method": "y", "usage": [0.009, 0.4, 0, 0.591]}}))
    assert rows["Unused classes"] == "2 of 4 (0, 2): the others share their images"
    rows = dict(headline({"clustering": {"method": "y", "usage": [0.02, 0.4, 0.3, 0.28]}}))
    assert "Unused classes" not in rows


def test_predicted_classes_are_named_apart_from_clusters_of_z():
    scores = {"hungarian": 0.5, "majority": 0.6, "usage": [0.5, 0.5]}
    assert headline({"clustering": {**scores, "method": "y"}}) == [
        ("Predicted classes, one to one", "50.0 %")
    ]
    assert headline({"clustering": {**scores, "method": "kmeans"}}) == [
        ("k-means on z, one to one", "50.0 %")
    ]
