"""The models with classes through the real command, from data to a loaded run."""

import contextlib
import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import vaerun as package
from vaerun.cli import main
from vaerun.data.datasets.card_suits import SUITS
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.load import load
from vaerun.evaluation.metrics.catalogue import less_is_better
from vaerun.evaluation.metrics.clustering import names_of_groups
from vaerun.runs.run import Run
from vaerun.training.clustering import template_mixture
from vaerun.utils.errors import UserError

N_TRAIN, N_VAL, N_LABELLED = 80, 40, 12
TINY = (
    "data.size=16",
    "data.repeats=1",
    f"data.train_size={N_TRAIN}",
    f"data.val_size={N_VAL}",
    f"data.labelled_per_class={N_LABELLED // 4}",
    "data.batch_size=40",
    "model.hidden=[12,10]",
    "model.clustering.templates=2",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
CLASSIFIED = ("model/category=classifier", "model.category.hidden=[6]")
CHOICES = {
    "crvae": ("model=crvae",),
    "ssrvae": ("model=ssrvae",),
    "jrvae": ("model=jrvae",),
    "crvae, shear": ("model=crvae", "model.category.condition=[shear]"),
    "crvae, class and shear": ("model=crvae", "model.category.condition=[class,shear]"),
    "ssrvae, classifier": ("model=ssrvae", *CLASSIFIED),
    "jrvae, classifier": ("model=jrvae", *CLASSIFIED),
    "jrvae, gumbel": ("model=jrvae", "model/category=gumbel_softmax"),
    "jrvae, capacity": ("model=jrvae", "objective=capacity"),
    "jrvae, six classes": ("model=jrvae", "model.category.n_classes=6"),
}
DRAWN = ("crvae", "ssrvae", "jrvae")  # figures take longest; the others do without
INFERRING = [name for name in CHOICES if not name.startswith("crvae")]
SUPERVISED = [name for name in CHOICES if name.startswith("ssrvae")]
FOUND = [name for name in CHOICES if name.startswith("jrvae")]

Finished = Callable[[str], Path]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs a choice, once: its folder."""
    folders: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in folders:
            out = tmp_path_factory.mktemp("runs")
            output, errors = io.StringIO(), io.StringIO()
            with (
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(output),
                contextlib.redirect_stderr(errors),
            ):
                patch.setattr(template_mixture, "_STEPS", 20)
                if name not in DRAWN:
                    patch.setattr("vaerun.tasks.results.draw", lambda *_: {})
                status = main([*TINY, *CHOICES[name], f"out={out}"])
            assert (status, errors.getvalue()) == (0, "")
            folders[name] = Path(output.getvalue().splitlines()[-1].removeprefix("run: "))
        return folders[name]

    return run


def metrics_of(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def latents_of(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "latents.h5") as file:
        factors = {f"factors/{name}": file["factors"][name][()] for name in file["factors"]}
        return {name: file[name][()] for name in file if name != "factors"} | factors


def n_classes_of(name: str) -> int:
    return 6 if "six" in name else 4


@pytest.mark.parametrize("name", CHOICES)
def test_the_bound_has_a_term_of_the_class_where_a_class_is_inferred(
    finished: Finished, name: str
):
    terms = metrics_of(finished(name))["elbo"]
    parts = {"reconstruction", "kl_content", "kl_pose"}
    assert set(terms) == {"loss"} | parts | ({"kl_class"} if name in INFERRING else set())
    assert terms["loss"] == pytest.approx(sum(terms.values()) - terms["loss"], rel=1e-4)
    if name in INFERRING:
        floor = 0.01 / 1.01 / n_classes_of(name)  # of a learned prior
        assert -1e-5 <= terms["kl_class"] <= -np.log(floor)


@pytest.mark.parametrize("name", SUPERVISED)
def test_classes_learnt_from_labels_are_judged_as_a_classification(finished: Finished, name: str):
    metrics, latents = metrics_of(finished(name)), latents_of(finished(name))
    found = metrics["classification"]
    confusion, val = np.array(found["confusion"]), latents["split"] == 1
    assert confusion.shape == (4, 4)
    assert confusion.sum(1).tolist() == [N_VAL // 4] * 4
    assert (
        confusion.sum(0).tolist() == np.bincount(latents["predicted"][val], minlength=4).tolist()
    )
    assert found["accuracy"] == pytest.approx(confusion.trace() / N_VAL)
    assert found["per_class"] == pytest.approx((confusion.diagonal() / (N_VAL / 4)).tolist())
    assert metrics["clustering"]["method"] == "kmeans"
    assert "usage" not in metrics["clustering"]


@pytest.mark.parametrize("name", FOUND)
def test_classes_found_without_labels_are_judged_as_a_clustering(finished: Finished, name: str):
    metrics, latents = metrics_of(finished(name)), latents_of(finished(name))
    clustering = metrics["clustering"]
    assert clustering["method"] == "y"
    assert {"majority", "hungarian", "ari", "nmi", "recall", "usage"} <= set(clustering)
    counts = np.bincount(latents["predicted"], minlength=n_classes_of(name))
    assert sum(clustering["class_prior"]) == pytest.approx(1)
    assert len(clustering["class_prior"]) == n_classes_of(name)
    # of both splits: the few validation images may have none of a rare class
    assert clustering["usage"] == pytest.approx((counts / counts.sum()).tolist())
    assert "classification" not in metrics


@pytest.mark.parametrize("name", DRAWN)
def test_poses_and_z_are_judged_as_target_vae_is(finished: Finished, name: str):
    metrics = metrics_of(finished(name))
    assert set(metrics["clustering_z"]) == {"majority", "hungarian", "ari", "nmi", "method"}
    assert 0 <= metrics["angle"]["paired_mae_deg"] <= 180
    assert 0 <= metrics["angle"]["paired_resultant"] <= 1
    assert less_is_better("clustering_z.hungarian") is False
    for key in ("paired_mae_deg", "paired_resultant"):
        assert less_is_better(f"angle.{key}") is (key == "paired_mae_deg")


@pytest.mark.parametrize("name", ["crvae", "crvae, class and shear"])
def test_a_told_class_is_neither_classified_nor_written_as_found(finished: Finished, name: str):
    metrics = metrics_of(finished(name))
    assert "classification" not in metrics
    assert metrics["clustering"]["method"] == "kmeans"
    assert {"class_probability", "predicted"}.isdisjoint(latents_of(finished(name)))


@pytest.mark.parametrize("name", INFERRING)
def test_latents_hold_the_probability_of_each_class(finished: Finished, name: str):
    latents = latents_of(finished(name))
    n = N_TRAIN + N_VAL + (N_LABELLED if name in SUPERVISED else 0)
    probability = latents["class_probability"]
    assert probability.shape == (n, n_classes_of(name))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-5)
    assert latents["predicted"].tolist() == probability.argmax(1).tolist()
    assert len(latents["label"]) == n
    assert set(latents["label"]) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", SUPERVISED)
def test_labelled_images_come_last_as_training_images(finished: Finished, name: str):
    latents, metrics = latents_of(finished(name)), metrics_of(finished(name))
    n_before = N_TRAIN + N_VAL
    assert latents["index"].tolist() == list(range(n_before + N_LABELLED))
    assert latents["split"].tolist() == [0] * N_TRAIN + [1] * N_VAL + [0] * N_LABELLED
    assert latents["label"][n_before:].tolist() == [0, 1, 2, 3] * (N_LABELLED // 4)
    assert np.abs(latents["factors/angle"][n_before:]).max() <= np.deg2rad(12)
    assert np.abs(latents["factors/shear"][n_before:]).max() <= np.deg2rad(1)
    assert (metrics["n_train"], metrics["n_val"]) == (N_TRAIN, N_VAL)


@pytest.mark.parametrize("name", DRAWN)
def test_each_class_has_a_manifold_and_a_row_of_the_walks(finished: Finished, name: str):
    figures = {path.stem for path in (finished(name) / "figures").glob("*.png")}
    assert {*(f"manifold_class_{j}" for j in range(4)), "traversal_z1", "traversal_z2"} <= figures
    assert figures.isdisjoint({"manifold", "manifold_data", "manifold_class_4"})
    assert ("confusion" in figures) == (name != "crvae")


@pytest.mark.parametrize("name", CHOICES)
def test_manifolds_are_those_that_the_loaded_run_decodes(finished: Finished, name: str):
    """The tile of z = 0 in the middle of each; its class is given by number, a shear by value."""
    loaded = package.load(finished(name))
    arrays = np.load(finished(name) / "figures/arrays.npz")
    n = 5 if name == "crvae, shear" else n_classes_of(name)
    assert len(arrays["map_names"]) == n
    assert arrays["traversal_z1"].shape == (n, 13, 1, 16, 16)
    low, high = loaded.network.shape.ranges["shear"]
    conditions: list[dict[str, float]] = {
        "crvae, shear": [{"shear": low + j / 4 * (high - low)} for j in range(n)],
        "crvae, class and shear": [{"label": j, "shear": (low + high) / 2} for j in range(n)],
    }.get(name, [{"label": j} for j in range(n)])
    images = [loaded.decode([0.0, 0.0], **condition)[0] for condition in conditions]
    for j, image in enumerate(images):
        tile = arrays[f"manifold_class_{j}"][6, 6]
        np.testing.assert_allclose(image, tile, rtol=1e-4, atol=1e-5)
    assert all((image != images[0]).any() for image in images[1:])


def test_maps_of_given_and_learnt_classes_bear_the_names_of_the_data(finished: Finished):
    for name in ("crvae", "ssrvae", "ssrvae, classifier", "crvae, class and shear"):
        arrays = np.load(finished(name) / "figures/arrays.npz")
        assert arrays["map_names"].tolist() == list(SUITS)


def test_maps_of_a_told_shear_bear_its_values(finished: Finished):
    names = np.load(finished("crvae, shear") / "figures/arrays.npz")["map_names"].tolist()
    assert names[2] in ("shear 0°", "shear −0°")
    degrees = [float(n.removeprefix("shear ").removesuffix("°").replace("−", "-")) for n in names]
    assert degrees == pytest.approx([-20, -10, 0, 10, 20], abs=1)


@pytest.mark.parametrize("name", FOUND)
def test_maps_of_found_classes_are_named_after_what_is_in_them(finished: Finished, name: str):
    latents = latents_of(finished(name))
    val = latents["split"] == 1
    want = names_of_groups(
        latents["predicted"][val], latents["label"][val], list(SUITS), n_classes_of(name)
    )
    arrays = np.load(finished(name) / "figures/arrays.npz")
    assert arrays["map_names"].tolist() == want


@pytest.mark.parametrize("name", FOUND)
def test_the_confusion_of_found_classes_has_a_column_for_each(finished: Finished, name: str):
    latents = latents_of(finished(name))
    val = latents["split"] == 1
    arrays = np.load(finished(name) / "figures/arrays.npz")
    columns = arrays["confusion_columns"].tolist()
    assert sorted(columns) == list(range(n_classes_of(name)))
    counts = [
        [int(((latents["predicted"] == j) & (latents["label"] == k) & val).sum()) for j in columns]
        for k in range(4)
    ]
    assert arrays["confusion"].tolist() == counts


def val_images(loaded: Run) -> ImageSet:
    return load(loaded.config.data, loaded.config.seed).val


@pytest.mark.parametrize("name", INFERRING)
def test_a_loaded_run_infers_the_class_that_it_decodes_under(finished: Finished, name: str):
    loaded, latents = package.load(finished(name)), latents_of(finished(name))
    got = loaded.encode(val_images(loaded).images.numpy())
    val = latents["split"] == 1
    for key in ("z_mean", "angle", "class_probability"):
        np.testing.assert_allclose(getattr(got, key), latents[key][val], rtol=1e-3, atol=1e-4)
    images = loaded.decode(got.z_mean, got.angle, label=latents["predicted"][val])
    assert images.shape == (N_VAL, 1, 16, 16)
    one = loaded.decode(got.z_mean[:1], got.angle[:1], label=latents["predicted"][val][0])
    np.testing.assert_allclose(images[:1], one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("crvae", ("label",)),
        ("crvae, shear", ("shear",)),
        ("crvae, class and shear", ("label", "shear")),
    ],
)
def test_a_loaded_conditional_run_needs_the_conditions_it_was_trained_with(
    finished: Finished, name: str, condition: tuple[str, ...]
):
    loaded, latents = package.load(finished(name)), latents_of(finished(name))
    images = val_images(loaded)
    known = {"label": images.label.numpy(), "shear": images.factors["shear"].numpy()}
    known = {key: known[key] for key in condition}
    got = loaded.encode(images.images.numpy(), **known)
    val = latents["split"] == 1
    np.testing.assert_allclose(got.z_mean, latents["z_mean"][val], rtol=1e-3, atol=1e-4)
    assert got.class_probability.shape == (N_VAL, 0)
    assert loaded.decode(got.z_mean, got.angle, **known).shape == (N_VAL, 1, 16, 16)
    others = {key: np.roll(values, 1) for key, values in known.items()}
    other = loaded.encode(images.images.numpy(), **others)
    assert np.abs(other.z_mean - got.z_mean).max() > 1e-3


X, Z = np.zeros((3, 16, 16)), np.zeros((3, 2))
WRONG_CALLS = [
    ("crvae", "encode", {}, "conditioned on class, but was given nothing — give label="),
    ("crvae", "decode", {"shear": 0.1}, "conditioned on class, but was given shear"),
    ("crvae", "encode", {"label": 4}, "label=4 is no class — give whole numbers, 0 to 3"),
    ("crvae", "decode", {"label": [0, -1, 2]}, "label=-1 is no class"),
    ("crvae", "encode", {"label": [0, 1]}, "2 labels for 3 images — give one, or as many"),
    ("crvae", "decode", {"label": [0, 1, 2, 3]}, "4 labels for 3 images"),
    ("crvae, shear", "encode", {}, "conditioned on shear, but was given nothing — give shear="),
    ("crvae, shear", "decode", {"sheer": 0.1}, "conditioned on shear, but was given sheer"),
    ("crvae, shear", "decode", {"shear": [0.1, 0.2]}, "2 values of shear for 3 images"),
    ("crvae, class and shear", "encode", {"shear": 0.1}, "conditioned on class, shear, but was"),
    ("crvae, class and shear", "decode", {"label": 0}, "given class — give label=, shear="),
    ("ssrvae", "encode", {"label": 0}, "ssrvae takes no class and no factor"),
    ("ssrvae", "decode", {}, "ssrvae decodes under a class — give label=, from 0 to 3"),
    ("jrvae", "encode", {"shear": 0.1}, "jrvae takes no class and no factor"),
    ("jrvae", "decode", {}, "jrvae decodes under a class — give label=, from 0 to 3"),
    ("jrvae", "decode", {"label": 4}, "label=4 is no class — give whole numbers, 0 to 3"),
    ("jrvae", "decode", {"label": 0, "shear": 0.1}, "and no factor"),
    ("jrvae, six classes", "decode", {"label": 6}, "is no class — give whole numbers, 0 to 5"),
]


@pytest.mark.parametrize(("name", "verb", "condition", "words"), WRONG_CALLS, ids=str)
def test_a_wrong_condition_is_one_clear_error(finished: Finished, name, verb, condition, words):
    loaded = package.load(finished(name))
    with pytest.raises(UserError, match=words) as caught:
        getattr(loaded, verb)(X if verb == "encode" else Z, **condition)
    assert "\n" not in str(caught.value)


def test_a_model_without_classes_takes_none(vaerun, monkeypatch):
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    status, output, errors = vaerun(*TINY, "model=rvae")
    assert (status, errors) == (0, [])
    loaded = package.load(output[-1].removeprefix("run: "))
    for call in (loaded.encode, loaded.decode):
        with pytest.raises(UserError, match="rvae takes no class and no factor — leave them out"):
            call(X if call == loaded.encode else Z, label=0)


def test_as_many_classes_are_learnt_from_labels_as_there_are(vaerun):
    for n in (3, 6):
        status, _, errors = vaerun(*TINY, "model=ssrvae", f"model.category.n_classes={n}")
        assert (status, len(errors)) == (2, 1)
        assert f"model.category.n_classes={n}, but the labels are of 4" in errors[0]
    assert not Path("outputs").exists()


def outcome(lines: list[str]) -> tuple[list[dict[str, str]], dict[str, torch.Tensor]]:
    """The log but for the time it took, and the weights."""
    folder = Path(lines[-1].removeprefix("run: "))
    with (folder / "metrics.csv").open() as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return rows, state


def with_other_labels(images: ImageSet | None) -> ImageSet | None:
    """Every image labelled as another suit."""
    return images and dataclasses.replace(images, label=(images.label + 1) % 4)


@pytest.mark.parametrize(
    ("name", "parts", "may_differ"),
    [
        ("ssrvae", ("train", "val"), False),
        ("ssrvae, classifier", ("train", "val"), False),
        ("jrvae", ("train", "val"), False),
        ("ssrvae", ("labelled",), True),
        ("ssrvae, classifier", ("labelled",), True),
        ("crvae", ("train",), True),
    ],
)
def test_no_label_is_learnt_from_but_those_that_are_given(
    vaerun, monkeypatch, name: str, parts: tuple[str, ...], may_differ: bool
):
    """The same training, to the last bit, with all labels wrong that are not to be seen."""
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    monkeypatch.setattr(template_mixture, "_STEPS", 20)
    typed = (*TINY, *CHOICES[name])
    rows, weights = outcome(vaerun(*typed)[1])
    honest = load

    def relabelled(*arguments, **options) -> Splits:
        splits = honest(*arguments, **options)
        wrong = {part: with_other_labels(getattr(splits, part)) for part in parts}
        return dataclasses.replace(splits, **wrong)

    monkeypatch.setattr("vaerun.training.context.load", relabelled)
    other_rows, other_weights = outcome(vaerun(*typed)[1])
    is_same = all(torch.equal(weights[key], other_weights[key]) for key in weights)
    assert is_same == (rows == other_rows) == (not may_differ)
