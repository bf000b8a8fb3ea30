"""Tasks on finished runs, through the real command: evaluate, encode, compare."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import h5py
import numpy as np
import pytest
import torch

from vaerun.cli import main
from vaerun.config.compose import compose
from vaerun.data.load import load
from vaerun.models.encodings import read_latents
from vaerun.runs.config import validate

TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=60",
    "data.val_size=40",
    "data.batch_size=30",
    "model.hidden=[12,10]",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.progress=false",
)
LABELLED = ("data.labelled_per_class=3", "model.clustering.templates=0")

Vaerun = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An rVAE and a VAE on cards of two seeds each, an ssrVAE and a crVAE."""
    folder = tmp_path_factory.mktemp("finished")
    for typed in (
        ("model=rvae",),
        ("model=rvae", "seed=1"),
        ("model=vae",),
        ("model=vae", "seed=1"),
        ("model=ssrvae", *LABELLED),
        ("model=crvae", "model.clustering.templates=0"),
    ):
        assert main([*TINY, *typed, f"out={folder}"]) == 0
    return folder


def done(result: tuple[int, list[str], list[str]]) -> Path:
    """The folder of a task that ended well."""
    status, output, errors = result
    assert (status, errors) == (0, [])
    return Path(output[-1].removeprefix("run: "))


def refused(result: tuple[int, list[str], list[str]]) -> str:
    """The one line of a task that was refused."""
    status, _, errors = result
    assert (status, len(errors)) == (2, 1), errors
    return errors[0]


@pytest.mark.parametrize("model", ["rvae", "vae", "ssrvae", "crvae"])
def test_evaluation_gives_the_runs_own_metrics_to_the_last_digit(
    vaerun: Vaerun, out: Path, model: str
):
    run = out / model / "cards_iv" / "version_0"
    folder = done(vaerun("task=evaluate", f"run={run}"))
    assert folder.parts[:2] == ("outputs", "evaluate")
    assert (folder / "metrics.json").read_bytes() == (run / "metrics.json").read_bytes()
    for name in ("report.html", "figures/manifold.png", "latents.h5", "manifest.json"):
        assert (folder / name).is_file() or model != "rvae", name
    with h5py.File(run / "latents.h5") as own, h5py.File(folder / "latents.h5") as again:
        for name in ("z_mean", "angle", "error"):
            np.testing.assert_array_equal(own[name], again[name])


@pytest.mark.parametrize(
    "options",
    [
        ("model.restarts=2", "model.restart_epochs=1", "seed=0", "data.val_size=300"),
        ("model=jrvae", "model.clustering.templates=0", "trainer.max_epochs=2"),
        ("model=jrvae", "model.clustering.templates=0", "model/category=gumbel_softmax"),
        ("model/decoder=spatial", "model/pose=amortized", "model.hidden=[10,10]"),
        ("model=ae", "data.corrupt=noise"),
    ],
    ids=" ".join,
)
def test_the_closing_bound_is_that_of_the_best_epoch(vaerun: Vaerun, monkeypatch, options):
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    folder = done(vaerun(*TINY, *options))
    best = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    if "model.restarts=2" in options:
        assert best["seed"] != 0  # the second goes on, whose noise is not that of the run's seed
    with (folder / "metrics.csv").open() as file:
        row = list(csv.DictReader(file))[best["epoch"]]
    elbo = json.loads((folder / "metrics.json").read_text())["elbo"]
    for name in ("loss", "reconstruction", "kl_content"):
        assert float(row[f"val/{name}"]) == pytest.approx(elbo[name], rel=1e-5, abs=1e-7)


def test_evaluation_on_other_data(vaerun: Vaerun, out: Path):
    run = out / "rvae" / "cards_iv" / "version_0"
    small = ("data.size=16", "data.val_size=25", "data.train_size=30")
    folder = done(vaerun("task=evaluate", f"run={run}", "data=cards_iii", *small))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["n_train"], metrics["n_val"]) == (30, 25)
    assert "converged" not in metrics["checks"]  # the log is of other images
    # its own data with one thing changed: what was typed for the run still holds
    folder = done(vaerun("task=evaluate", f"run={run}", "data.val_size=25"))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["n_train"], metrics["n_val"]) == (60, 25)


def test_what_cannot_be_judged_is_refused(vaerun: Vaerun, out: Path, here: Path):
    run = out / "rvae" / "cards_iv" / "version_0"
    assert "48×48" in refused(
        vaerun("task=evaluate", f"run={run}", "data=cards_iii", "data.train_size=9")
    )
    assert "model=vae" in refused(vaerun("task=evaluate", f"run={run}", "model=vae"))
    assert "has no run to work on" in refused(vaerun("task=encode"))
    assert "nowhere" in refused(vaerun("task=evaluate", "run=nowhere"))
    assert "not one run folder" in refused(vaerun("task=evaluate", f"run=[{run},{run}]"))
    assert "resume" in refused(vaerun("task=evaluate", f"run={run}", "resume=auto"))
    crvae = out / "crvae" / "cards_iv" / "version_0"
    np.save(here / "x.npy", np.random.default_rng(0).random((30, 16, 16), np.float32))
    path = here / "x.npy"
    line = refused(vaerun("task=encode", f"run={crvae}", "data=images", f"data.path={path}"))
    assert "needs class" in line
    assert not (here / "outputs").exists()


def own_images(out: Path) -> np.ndarray:
    """Those of the runs, training before validation, (100, 16, 16)."""
    small = [word for word in TINY if word.startswith("data.")]
    splits = load(validate(compose(small)).data, 0)
    return np.concatenate([splits.train.images.numpy(), splits.val.images.numpy()])[:, 0]


@pytest.mark.parametrize("model", ["rvae", "ssrvae"])
def test_its_own_images_from_a_file_are_encoded_as_in_the_run(
    vaerun: Vaerun, out: Path, here: Path, model: str
):
    run = out / model / "cards_iv" / "version_0"
    images = own_images(out)
    with h5py.File(here / "own.h5", "w") as file:
        file["images"] = images
    folder = done(
        vaerun("task=encode", f"run={run}", "data=images", "data.path=own.h5", "task.csv=true")
    )
    own, again = read_latents(run / "latents.h5"), read_latents(folder / "latents.h5")
    n = len(images)  # the labelled images of the ssrVAE come after them
    for name in ("z_mean", "z_sd", "angle", "shift", "scale", "class_probability", "error"):
        np.testing.assert_allclose(getattr(again, name), getattr(own, name)[:n], atol=1e-5)
    with (folder / "latents.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(n))
    np.testing.assert_allclose([float(r["z_mean_2"]) for r in rows], again.z_mean[:, 1], rtol=1e-5)
    assert (folder / "figures" / "outliers.png").is_file()


def test_the_worst_reconstructed_image_is_the_odd_one_out(vaerun: Vaerun, out: Path, here: Path):
    images = own_images(out)
    images[17] = np.random.default_rng(1).integers(0, 2, (16, 16))
    np.save(here / "odd.npy", images)
    run = out / "rvae" / "cards_iv" / "version_0"
    folder = done(vaerun("task=encode", f"run={run}", "data=images", "data.path=odd.npy"))
    assert read_latents(folder / "latents.h5").error.argmax() == 17


def test_new_files_are_prepared_as_the_runs_own_and_labels_not_asked_for(
    vaerun: Vaerun, here: Path
):
    images = own_images(here)
    with h5py.File(here / "old.h5", "w") as file:
        file["images"], file["kind"] = 900 * images + 100, np.arange(len(images)) % 2
    with h5py.File(here / "new.h5", "w") as file:
        file["images"] = 450 * images[:20] + 100  # half as bright
    prepared = ("data.size=12", "data.mask=circle", "data.label=kind")
    small = [word for word in TINY if not word.startswith("data.")]
    run = done(vaerun(*small, "data=images", "data.path=old.h5", *prepared))
    folder = done(vaerun("task=encode", f"run={run}", "data=images", "data.path=new.h5"))
    encoded = read_latents(folder / "latents.h5")
    assert len(encoded) == 20
    assert (encoded.label == -1).all()
    with np.load(folder / "figures" / "arrays.npz") as arrays:
        assert arrays["outliers_input"].shape[-2:] == (12, 12)
        assert arrays["outliers_input"].max() < 0.6  # the window is the run's, not the file's


def test_classes_of_other_files_get_the_numbers_that_the_run_has_learned(
    vaerun: Vaerun, here: Path
):
    images = own_images(here)
    for name, kinds in (("old", "abc"), ("new", "bcx")):
        with h5py.File(here / f"{name}.h5", "w") as file:
            file["images"] = images
            file["kind"] = [kinds[i % 3].encode() for i in range(len(images))]
    small = [word for word in TINY if not word.startswith("data.")]
    typed = ("model=ssrvae", "model.clustering.templates=0", "data=images", "data.label=kind")
    run = done(vaerun(*small, *typed, "data.path=old.h5"))
    folder = done(
        vaerun("task=evaluate", f"run={run}", "data=images", "data.path=new.h5", "data.label=kind")
    )
    encoded = read_latents(folder / "latents.h5")
    wanted = np.array([1, 2, -1])[encoded.index % 3]  # b, c, and one it has never heard of
    np.testing.assert_array_equal(encoded.label, wanted)
    assert json.loads((folder / "metrics.json").read_text())["classes"] == ["a", "b", "c"]


def test_runs_side_by_side(vaerun: Vaerun, out: Path):
    typed = f"run=[{out}/rvae/*/*,{out}/vae/*/*]"
    status, output, errors = vaerun("task=compare", typed)
    folder = done((status, output, errors))
    lines = (folder / "table.md").read_text().splitlines()
    assert lines[0].startswith("| model | runs | validation loss |")
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| rvae", "2"], ["| vae", "2"]]
    assert all("±" in line for line in lines[2:])
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [
        json.loads((Path(row["run"]) / "metrics.json").read_text())["elbo"]["loss"] for row in rows
    ]
    np.testing.assert_allclose([float(row["elbo.loss"]) for row in rows], losses, rtol=1e-9)
    mean = np.mean(losses[:2])
    assert f"{mean:,.1f}" in lines[2].replace("−", "-")
    assert {path.name for path in (folder / "figures").glob("*.png")} == {
        "metrics.png",
        "manifolds.png",
    }


def test_all_trained_runs_in_a_folder_are_on_one_page(vaerun: Vaerun, out: Path):
    folder = done(vaerun("task=compare", f"run={out}"))
    page = (folder / "compare.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="runs-data">(.*?)</script>', page, re.DOTALL)[1])
    trained = sorted(path.parents[1] for path in out.rglob("last.ckpt"))
    reports = [(folder / unquote(run["report"])).resolve() for run in data["runs"]]
    assert sorted(reports) == [path.resolve() / "report.html" for path in trained]
    assert all(report.is_file() for report in reports)
    assert {tuple(run["pictures"]) for run in data["runs"]} == {("manifold", "plane")}
    columns = {column["key"]: column for column in data["columns"]}
    assert {"rvae", "vae"} <= set(columns["model.name"]["texts"])
    assert columns["seed"]["shown"]
    losses = [json.loads((report.parent / "metrics.json").read_text())["elbo"]["loss"]
              for report in reports]  # fmt: skip
    assert columns["elbo.loss"]["values"] == losses


def test_comparisons_that_make_no_sense(vaerun: Vaerun, out: Path, here: Path):
    assert "matches no run folder" in refused(vaerun("task=compare", "run=[nothing/*]"))
    one = out / "rvae" / "cards_iv" / "version_0"
    assert "names 1 finished run" in refused(vaerun("task=compare", f"run=[{one},{one}]"))
    both = f"run=[{out}/rvae/*/*]"
    line = refused(vaerun("task=compare", both, "task.metrics=[elbo.los]"))
    assert "elbo.loss" in line
    assert not (here / "outputs").exists()
