""" """

import json
from dataclasses import replace

import numpy as np
import pytest

from vaerun.config.compose import compose
from vaerun.data.datasets.particles import load
from vaerun.evaluation.metrics import summary
from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.summary import is_flag, psnr_db, psnr_gain, summarise, varies
from vaerun.runs.config import validate

CLASSES = ["clubs", "spades", "hearts", "diamonds"]
ORDERS = [1, 1, 1, 2]


def test_a_perfect_encoding_scores_full_marks_and_is_json(encodings):
    found = summarise(encodings(), CLASSES, ORDERS, supervised=False)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["knn_accuracy"] == 1.0
    assert found["clustering"]["hungarian"] == 1.0
    assert found["clustering"]["method"] == "kmeans"
    assert min(found["angle"]["resultant"]) > 0.99
    assert found["angle"]["ground_states"] == [1, 1, 1, 1]
    assert found["factors"]["shear"]["r2_within_class"] > 0.98
    assert {k: found[k] for k in ("classes", "n_train", "n_val", "latent_dim")} == {
        "classes": CLASSES,
        "n_train": 400,
        "n_val": 200,
        "latent_dim": 2,
    }


def test_of_very_many_images_some_are_compared_and_all_are_counted(encodings, monkeypatch):
    made = encodings(n_val=900)
    whole = summarise(made, CLASSES, ORDERS, supervised=False)
    monkeypatch.setattr(summary, "MOST_TRAIN", 200)
    monkeypatch.setattr(summary, "MOST_VAL", 100)
    compared: list[tuple[int, int]] = []
    honest = summary.vote_accuracy

    def vote_accuracy(z_train, label_train, z_val, label_val):
        compared.append((len(z_train), len(z_val)))
        return honest(z_train, label_train, z_val, label_val)

    monkeypatch.setattr(summary, "vote_accuracy", vote_accuracy)
    found = summarise(made, CLASSES, ORDERS, supervised=False)
    assert compared == [(200, 100)]
    assert found["knn_accuracy"] == pytest.approx(whole["knn_accuracy"], abs=0.01)
    assert {k: found[k] for k in ("n_train", "n_val", "angle")} == {
        k: whole[k] for k in ("n_train", "n_val", "angle")
    }


def test_the_angle_error_is_that_of_the_noise_in_degrees(encodings):
    angle = summarise(encodings(n_val=4000), CLASSES, ORDERS, supervised=False)["angle"]
    want = np.rad2deg(0.02) * np.sqrt(2 / np.pi)
    assert angle["mae_deg"] == pytest.approx([want] * 4, rel=0.1)
    assert angle["overall_mae_deg"] == pytest.approx(np.mean(angle["mae_deg"]))
    assert angle["signed_resultant"] > 0.5
    assert angle["symmetry"] == ORDERS


def test_only_a_symmetric_class_may_be_half_a_turn_off(encodings):
    made = encodings(n_val=800)
    flip = np.where(np.arange(len(made)) % 2 == 0, 0, np.pi)
    angle = (made.angle + flip).astype(np.float32)
    turned = encodings(n_val=800, angle=angle)
    found = summarise(turned, CLASSES, ORDERS, supervised=False)["angle"]
    assert found["ground_states"] == [2, 2, 2, 1]
    assert found["resultant"][3] > 0.99
    assert max(found["resultant"][:3]) < 0.2


def test_angles_right_modulo_the_symmetry_of_each_outline_have_no_error(encodings):
    """Turned by the symmetry at random, and by half the shear, as a stretched outline is."""
    outlines = "data.outlines=[ell,rod,triangle,cross,star,hexagon]"
    typed = ["data=particles", outlines, "data.size=8", "data.diameter_px=6", "data.shear_deg=8"]
    config = validate(compose([*typed, "data.train_size=1", "data.val_size=600"]))
    splits = load(config.data, 0)
    val = splits.val
    factors = {name: val.factors[name].numpy() for name in ("angle", "shear")}
    label, order = val.label.numpy(), np.array(splits.symmetry)[val.label]
    steps = np.random.default_rng(0).integers(0, order)
    angle = factors["angle"] + 0.3 * label + 2 * np.pi / order * steps
    for lean, given in ((0, "mae_deg"), (0.5, "mae_deg_given_factors")):
        turned = (angle + lean * factors["shear"]).astype(np.float32)
        made = encodings(n_train=0, n_val=600, label=label, angle=turned, factors=factors)
        found = summarise(made, splits.classes, splits.symmetry, supervised=False)["angle"]
        assert found["symmetry"] == [1, 2, 3, 4, 5, 6]
        assert max(found[given]) < 0.02
        assert found["ground_states"] == [1] * 6
        assert min(found["resultant"]) > (0.999 if lean == 0 else 0.96)


def test_the_error_given_shear_forgives_an_offset_that_follows_it(encodings):
    made = encodings(n_val=800)
    angle = (made.angle + 4 * made.factors["shear"]).astype(np.float32)
    found = summarise(encodings(n_val=800, angle=angle), CLASSES, ORDERS, supervised=False)
    assert min(found["angle"]["mae_deg"]) > 20
    assert max(found["angle"]["mae_deg_given_factors"]) < 1.5


def test_validation_only_is_measured(encodings):
    made = encodings()
    angle = np.where(made.split == 0, 3.0, made.angle).astype(np.float32)
    spoiled = summarise(encodings(angle=angle), CLASSES, ORDERS, supervised=False)
    assert spoiled["angle"] == summarise(made, CLASSES, ORDERS, supervised=False)["angle"]


def test_without_labels_all_images_are_one_class(encodings):
    made = encodings(label=np.full(600, -1))
    found = summarise(made, [], [], supervised=False)
    assert len(found["angle"]["resultant"]) == 1
    assert found["factors"]["shear"]["r2_within_class"] > 0.5
    assert found.keys().isdisjoint(
        {"knn_accuracy", "clustering", "clustering_z", "classification"}
    )


def test_each_kind_of_atom_has_an_orientation_of_its_own(graphene):
    made = graphene()[1]
    kind = np.nan_to_num(made.factors["sublattice"]).astype(int)
    leaning = (made.angle + 0.5 * kind).astype("f4")
    place = replace(made.place, species=kind)
    made = replace(made, angle=leaning, place=place, label=np.full(len(made), -1))
    angle = summarise(made, [], [3], supervised=False)["angle"]
    assert len(angle["mae_deg"]) == 2
    assert angle["overall_mae_deg"] < 4
    one_kind = replace(made, place=replace(place, species=np.zeros(len(made), int)))
    assert summarise(one_kind, [], [3], supervised=False)["angle"]["overall_mae_deg"] > 10


def test_a_flag_is_judged_by_the_area_of_its_neighbours(encodings):
    far = encodings().z_mean[:, 1]  # follows the shear
    unknown = np.arange(600) % 7 == 0
    flags = {"far": far > np.median(far), "random": np.random.default_rng(0).random(600) > 0.5}
    factors = {name: np.where(unknown, np.nan, v).astype("f4") for name, v in flags.items()}
    made = encodings(factors=factors | {"never": np.zeros(600, "f4")})
    found = summarise(made, CLASSES, ORDERS, supervised=False)["flags"]
    assert found["far"]["roc_auc"] > 0.95
    assert found["random"]["roc_auc"] == pytest.approx(0.5, abs=0.12)
    assert found.keys() == {"far", "random"}


def test_what_does_not_apply_is_absent(encodings):
    plain = encodings(angle=np.zeros(600, np.float32), factors={})
    found = summarise(plain, CLASSES, ORDERS, supervised=False)
    assert found.keys().isdisjoint({"angle", "shift", "factors", "classification"})
    fixed = np.full(600, 0.1, np.float32)
    constant = summarise(
        encodings(factors={"shear": fixed, "angle": fixed}), CLASSES, ORDERS, supervised=False
    )
    assert constant.keys().isdisjoint({"angle", "factors"})


def test_a_class_without_images_is_null_and_left_out_of_the_mean(encodings):
    found = summarise(encodings(n_classes=3), CLASSES, ORDERS, supervised=False)["angle"]
    assert found["mae_deg"][3] is None
    assert found["overall_mae_deg"] == pytest.approx(np.mean(found["mae_deg"][:3]))


def test_a_dozen_images_are_enough_to_answer(encodings):
    found = summarise(encodings(n_train=8, n_val=4), CLASSES, ORDERS, supervised=False)
    assert found["n_val"] == 4
    assert found.keys().isdisjoint({"angle", "knn_accuracy"})


def test_shift_is_correlated_where_it_is_known_varies_and_is_encoded(encodings):
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 2, (600, 2)).astype(np.float32)
    factors = {"shift_row": truth[:, 0], "shift_column": truth[:, 1]}
    noisy = (truth + rng.normal(0, 1.5, (600, 2))).astype(np.float32)
    found = summarise(encodings(shift=noisy, factors=factors), CLASSES, ORDERS, supervised=False)
    assert found["shift"]["pearson"] == pytest.approx([0.8, 0.8], abs=0.1)  # 2 / √(2² + 1.5²)
    assert "shift" not in summarise(encodings(factors=factors), CLASSES, ORDERS, supervised=False)
    tiny = {name: 0.03 * values for name, values in factors.items()}
    made = encodings(shift=noisy, factors=tiny)
    assert "shift" not in summarise(made, CLASSES, ORDERS, supervised=False)


def test_predicted_classes_are_a_clustering_or_if_learned_from_labels_a_classification(encodings):
    made = encodings()
    renamed = encodings(predicted=(made.label + 1) % 4)
    found = summarise(renamed, CLASSES, ORDERS, supervised=False)
    assert found["clustering"]["method"] == "y"
    assert found["clustering"]["hungarian"] == 1.0
    assert found["clustering"]["recall"] == [1.0] * 4
    assert "classification" not in found
    learnt = summarise(renamed, CLASSES, ORDERS, supervised=True)
    assert learnt["classification"]["accuracy"] == 0.0
    assert learnt["clustering"]["method"] == "kmeans"


def test_groups_of_z_are_those_of_validation_whatever_else_tells_the_class(encodings, monkeypatch):
    """Two classes that z does not separate are one in half of the images."""
    made = encodings(n_val=1000)
    clump = np.maximum(made.label, 1)  # classes 0 and 1 in one
    z = np.stack([5.0 * clump, made.label == 9], axis=1) + np.random.default_rng(0).normal(
        0, 0.01, (len(made), 2)
    )
    spoiled = np.where((made.split == 0)[:, None], 0, z).astype(np.float32)
    found = summarise(
        encodings(n_val=1000, z_mean=spoiled, predicted=made.label),
        CLASSES, ORDERS, supervised=False,
    )  # fmt: skip
    assert found["clustering"]["hungarian"] == 1.0
    assert found["clustering_z"]["method"] == "kmeans on z mean and sd"
    assert found["clustering_z"]["majority"] == pytest.approx(0.75, abs=0.05)
    used: list[tuple[int, ...]] = []
    honest = summary.kmeans_groups_of_posteriors

    def kmeans(mean, sd, n):
        used.append((*mean.shape, *sd.shape, n))
        return honest(mean, sd, n)

    monkeypatch.setattr(summary, "kmeans_groups_of_posteriors", kmeans)
    for numbers, most in ((10_000, 300), (400, 100)):
        monkeypatch.setattr(summary, "MOST_CLUSTERED", 300)
        monkeypatch.setattr(summary, "MOST_CLUSTERED_NUMBERS", numbers)
        summarise(made, CLASSES, ORDERS, supervised=False)
        assert used[-1] == (most, 2, most, 2, 4)


def test_objects_drawn_unposed_are_paired_with_their_images(encodings):
    """An object's own angle and place, here random ones, are no error."""
    rng = np.random.default_rng(0)
    own, place = rng.uniform(-np.pi, np.pi, 600), rng.normal(0, 9, (600, 2))
    shift = rng.normal(0, 2, (600, 2))
    factors = encodings().factors | {"shift_row": shift[:, 0], "shift_column": shift[:, 1]}
    truth = factors["angle"]
    posed = encodings(angle=wrap(truth + own), shift=shift + place, factors=factors)
    some = np.arange(400, 600, 3)
    unposed = encodings(angle=own, shift=place).select(some)
    plain = summarise(posed, CLASSES, ORDERS, supervised=False)
    found = summarise(posed, CLASSES, ORDERS, supervised=False, unposed=unposed)
    assert found["angle"].pop("paired_mae_deg") == pytest.approx(0, abs=1e-4)
    assert found["angle"].pop("paired_resultant") == pytest.approx(1)
    assert found["shift"].pop("paired_pearson") == pytest.approx([1, 1])
    assert found["shift"].pop("paired_mae_px") == pytest.approx([0, 0], abs=1e-4)
    assert found == plain
    unturned = encodings(angle=np.zeros(600), factors=factors)  # a model without an angle
    found = summarise(unturned, CLASSES, ORDERS, supervised=False, unposed=unposed)
    assert found.keys().isdisjoint({"angle", "shift"})


def test_psnr_is_that_of_the_mean_error_over_all_pixels():
    """Two images of two pixels: errors 0.1, 0.3 and 0, 0.2, so MSE = 0.14 / 4 = 0.035."""
    clean = np.array([0.5, 0.5, 0.2, 0.2]).reshape(2, 1, 1, 2)
    images = np.array([0.6, 0.2, 0.2, 0.4]).reshape(2, 1, 1, 2)
    assert psnr_db(images, clean) == pytest.approx(14.559320, abs=1e-6)


def test_ten_times_less_noise_is_twenty_decibels_more():
    noise = np.random.default_rng(0).normal(size=(7, 1, 5, 3))
    clean = np.full((7, 1, 5, 3), 0.5)
    more, less = (psnr_db(clean + sd * noise, clean) for sd in (0.1, 0.01))
    assert less - more == pytest.approx(20)


def test_equal_images_have_a_finite_ratio():
    assert 100 < psnr_db(np.ones((2, 1, 3, 3)), np.ones((2, 1, 3, 3))) < 200


def test_the_gain_is_output_over_input():
    clean = np.zeros((2, 1, 3, 3), np.float32)
    found = psnr_gain(clean + 0.1, clean + 0.01, clean)
    assert found == pytest.approx({"input_db": 20, "output_db": 40, "gain_db": 20}, abs=1e-4)


NAN = np.nan


@pytest.mark.parametrize(
    ("values", "flag", "more_than_one"),
    [
        ([0, 1, 1], True, True),
        ([0, NAN, 1], True, True),
        ([NAN, 1, 1], True, False),
        ([0, 0.5, 1], False, True),
        ([NAN, 3, 3], False, False),
        ([NAN, NAN], False, False),
        ([], False, False),
    ],
)
def test_only_known_values_count(values, flag, more_than_one):
    factor = np.array(values, np.float32)
    assert is_flag(factor) is flag
    assert varies(factor) is more_than_one
