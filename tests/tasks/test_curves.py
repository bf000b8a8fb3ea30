"""Curves through the real command: every model, own files, maps, finished runs."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import vaerun as package
from vaerun.training.epoch_log import EpochLog

TINY = (
    "model.hidden=[16]",
    "trainer.film=false",
    "trainer.max_epochs=2",
    "trainer.logger=[csv]",
    "trainer.progress=false",
    "data.repeats=1",
    "data.batch_size=50",
)
FEW = ("data=peaks", "data.train_size=150", "data.val_size=40", "data.channels=32")


def folder_of(output):
    return output[-1].removeprefix("run: ")


@pytest.mark.parametrize("model", ["ae", "vae", "rvae", "crvae", "ssrvae", "jrvae"])
def test_every_model_learns_curves(vaerun, model):
    plain = model in ("ae", "vae")
    words = ["data.labelled_per_class=5", *([] if plain else ["model.pose.bins=3"])]
    status, output, errors = vaerun(f"model={model}", *FEW, *TINY, *words)
    assert (status, errors) == (0, [])
    n = 210 if model == "ssrvae" else 190  # with the labelled ones
    run = package.load(folder_of(output))
    with h5py.File(run.folder.latents) as file:
        assert file["shift"].shape == (n, 1)
        assert not file["angle"][()].any()
        assert ("gain" in file) == (not plain)
    figures = {path.stem for path in run.folder.figures.glob("*.png")}
    assert {"inputs", "reconstructions", "curve_spread", "learning_curve"} <= figures
    assert run.folder.report.is_file()


@pytest.fixture
def file(here):
    """A map of 9 × 10 curves with a line whose place along the axis changes from row to row."""
    axis = np.linspace(500, 620, 40)
    row, column = np.mgrid[:9, :10]
    middle = 530 + 7 * row
    cube = np.exp(-0.5 * ((axis - middle[..., None]) / 9) ** 2) * (1 + column[..., None] / 9)
    with h5py.File(here / "map.h5", "w") as opened:
        opened["map"], opened["wavelength"], opened["phase"] = cube, axis, column // 5
        opened["wavelength"].attrs["unit"] = "nm"
    return here / "map.h5"


OWN = ("model=rvae", "data=spectra", "data.path=map.h5", "model.invariances=[t,i]",
       "model.pose.bins=5", *TINY)  # fmt: skip


def test_a_map_is_learned_and_drawn_as_a_map_in_units_of_its_axis(vaerun, file):
    status, output, errors = vaerun(*OWN, "data.label=phase", "data.repeats=20")
    assert (status, errors) == (0, [])
    run = package.load(folder_of(output))
    latents = run.latents
    np.testing.assert_array_equal(latents.place.centre[:, 1] // 5, latents.label)
    row = latents.place.centre[:, 0]
    assert abs(np.corrcoef(latents.shift[:, 0], row)[0, 1]) > 0.9
    assert np.ptp(latents.shift) > 20  # nm, of 56; a pixel is 3 nm
    names = {path.stem for path in run.folder.figures.glob("frame_0_*.png")}
    assert {"frame_0_shift", "frame_0_gain", "frame_0_z1", "frame_0_class"} <= names

    again = run.encode(np.zeros((3, 40)) + np.linspace(0, 1, 40))
    assert again.shift.shape == (3, 1)
    moved = run.decode(np.zeros(2), shift=np.array([[6.0]]))
    still = run.decode(np.zeros(2))
    assert moved.shape == (1, 1, 1, 40)
    step = 120 / 39
    at = np.arange(2, 40) - 6 / step
    want = np.interp(at, np.arange(40), still[0, 0, 0])
    np.testing.assert_allclose(moved[0, 0, 0, 2:], want, atol=1e-5)


def test_a_finished_run_encodes_evaluates_and_compares(vaerun, file):
    _, output, _ = vaerun(*OWN)
    run = folder_of(output)
    status, output, errors = vaerun("task=encode", f"run={run}", "data=spectra",
                                    "data.path=map.h5", "task.csv=true")  # fmt: skip
    assert (status, errors) == (0, [])
    old = package.load(run).latents
    order = old.index.argsort()
    with h5py.File(f"{folder_of(output)}/latents.h5") as new:
        np.testing.assert_allclose(new["shift"], old.shift[order], atol=1e-3)
        np.testing.assert_allclose(new["gain"], old.gain[order], rtol=1e-3)
    status, output, errors = vaerun("task=evaluate", f"run={run}")
    assert (status, errors) == (0, [])
    evaluated = folder_of(output)
    assert package.load(run).metrics["elbo"]["loss"] == pytest.approx(
        json.loads(Path(evaluated, "metrics.json").read_text())["elbo"]["loss"], rel=1e-5
    )
    status, _, errors = vaerun("task=compare", f"run=[{run},{evaluated}]")
    assert (status, errors) == (0, [])


def test_an_interrupted_run_of_curves_goes_on_to_the_same_numbers(vaerun, file, monkeypatch):
    _, whole, _ = vaerun(*OWN, "out=a")
    write = EpochLog._write_csv

    def interrupted(log):
        write(log)
        if len(log.rows) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochLog, "_write_csv", interrupted)
    status, _, _ = vaerun(*OWN, "out=b")
    assert status == 130
    monkeypatch.setattr(EpochLog, "_write_csv", write)
    _, resumed, _ = vaerun(*OWN, "out=b", "resume=auto")
    assert folder_of(resumed).endswith("version_0")
    a, b = (package.load(folder_of(output)).metrics["elbo"] for output in (whole, resumed))
    assert a == b


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["model.invariances=[r,t]"], "have no rotation"),
        (["data.path=none.h5"], "data.path=none.h5 is not there"),
        (["data.crop=[1,2]"], "data.crop=[1,2] keeps 0 of 40 points"),
        (["data.axis_key=nm"], "data.axis_key=nm is no data set of 40 rising values"),
        (["data.key=maps"], "data.key=maps is no array of numbers"),
    ],
)
def test_wrong_input_is_one_line(vaerun, file, words, line):
    status, _, errors = vaerun(*OWN, *words)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert line in errors[0]
    assert " — " in errors[0]


def test_new_curves_with_labels_are_encoded_by_a_model_of_classes(vaerun, file):
    words = (*OWN[1:], "model=ssrvae", "data.label=phase")
    status, output, errors = vaerun(*words)
    assert (status, errors) == (0, [])
    run = folder_of(output)
    new = ("task=encode", f"run={run}", "data=spectra", "data.path=map.h5", "data.label=phase")
    status, output, errors = vaerun(*new)
    assert (status, errors) == (0, [])
    folder = Path(folder_of(output))
    with h5py.File(folder / "latents.h5") as latents:
        right = (latents["predicted"][()] == latents["label"][()]).sum()
    with np.load(folder / "figures" / "arrays.npz") as arrays:
        assert np.trace(arrays["confusion"]) == right
        assert arrays["confusion"].sum() == 90
