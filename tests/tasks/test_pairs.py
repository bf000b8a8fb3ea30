"""Images and curves predicted from one another through the real command."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import vaerun as package

TINY = ("model=ved", "data=pairs", "model.hidden=[16]", "model.latent_dim=2", "model.pose.bins=4",
        "trainer.max_epochs=2", "trainer.logger=[csv]", "trainer.progress=false",
        "data.repeats=1", "data.batch_size=20")  # fmt: skip
N, SIDE, POINTS = 60, 10, 20


@pytest.fixture
def file(here):
    """Bars at any angle, whose width is that of a line; a frame, and a map of lines over it."""
    rng = np.random.default_rng(0)
    width, angle = rng.uniform(0.1, 0.5, N), rng.uniform(-3, 3, N)
    row, column = np.linspace(-1, 1, SIDE)[:, None], np.linspace(-1, 1, SIDE)
    across = np.cos(angle)[:, None, None] * row + np.sin(angle)[:, None, None] * column
    axis = np.linspace(-1, 1, POINTS)
    with h5py.File(here / "pairs.h5", "w") as opened:
        opened["images"] = 50 * np.exp(-0.5 * (across / width[:, None, None]) ** 2)
        opened["spectra"] = 7 * np.exp(-0.5 * (axis / width[:, None]) ** 2) - 3
        opened["frame"] = rng.random((40, 60))
        opened["map"] = rng.random((8, 12, POINTS))
    return here / "pairs.h5"


def words(given, wanted, **keys):
    sides = {"data.path": "pairs.h5", "data.target_path": "pairs.h5", "data.key": given,
             "data.target_key": wanted, "data.input": _kind(given),
             "data.target": _kind(wanted)} | keys  # fmt: skip
    return [f"{name}={value}" for name, value in sides.items()]


def _kind(key):
    return "images" if key in ("images", "frame") else "spectra"


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    for task in ("encode", "prediction_results"):
        monkeypatch.setattr(f"vaerun.tasks.{task}.draw", lambda *_: {})


@pytest.mark.parametrize("wanted", ["images", "spectra"])
@pytest.mark.parametrize("given", ["images", "spectra"])
def test_each_is_predicted_from_each(vaerun, file, given, wanted):
    status, output, errors = vaerun(*TINY, *words(given, wanted))
    assert (status, errors) == (0, [])
    run = package.load(output[-1].removeprefix("run: "))
    shape = (1, SIDE, SIDE) if wanted == "images" else (1, 1, POINTS)
    with h5py.File(run.folder.predictions) as opened:
        mean, sd = opened["prediction_mean"][()], opened["prediction_sd"][()]
        index = opened["index"][()]
    assert mean.shape == sd.shape == (12, *shape)
    assert (sd > 0).all()
    found = json.loads(run.folder.metrics_json.read_text())
    assert {"r2", "rmse", "coverage_68"} <= found["prediction"].keys()
    assert ("turned_change" in found["prediction"]) == (given == "images")
    assert run.folder.report.is_file()
    assert np.array_equal(np.sort(run.latents.val.index), np.sort(index))
    encode = ("task=encode", f"run={run.path}", f"data={given}", "data.path=pairs.h5",
              f"data.key={given}")  # fmt: skip
    status, output, errors = vaerun(*encode)
    assert (status, errors) == (0, [])
    with h5py.File(f"{output[-1].removeprefix('run: ')}/predictions.h5") as opened:
        again = opened["prediction_mean"][()]
    np.testing.assert_allclose(again[index], mean, atol=1e-3 * np.ptp(mean) + 1e-4)


def test_the_shape_that_was_written_is_evaluated_and_checked_again(vaerun, file):
    status, output, errors = vaerun(*TINY, *words("images", "spectra"), "data.val_share=0.6")
    assert (status, errors) == (0, [])
    assert any(line.startswith("Checks  ") for line in output)
    assert any(line.startswith("Try     vaerun model=ved data=pairs") for line in output)
    run = package.load(output[-1].removeprefix("run: "))
    with h5py.File(file) as opened:
        x = opened["images"][()]
    mean, sd = run.predict((x - x.min()) / np.ptp(x))
    assert mean.shape == sd.shape == (N, 1, 1, POINTS)
    assert mean.min() < -1  # in the units of the file
    status, output, errors = vaerun("task=evaluate", f"run={run.path}")
    assert (status, errors) == (0, [])
    folder = Path(output[-1].removeprefix("run: "))
    again = json.loads((folder / "metrics.json").read_text())["prediction"]
    assert again == pytest.approx(run.metrics["prediction"], rel=1e-4)
    checks = run.metrics["checks"]
    assert {"converged", "better_than_mean", "spread_true", "prediction_stays"} == checks.keys()
    assert all(check["passed"] is not None for check in checks.values())
    assert run.metrics["verdict"]["failed"] > 0  # after two epochs


def test_patches_of_a_frame_are_joined_to_a_map_by_place(vaerun, file):
    keys = {"data.join": "place", "data.patch_px": 10}
    status, output, errors = vaerun(*TINY, *words("frame", "map", **keys))
    assert (status, errors) == (0, [])
    # points are 5 pixels apart; 10 pixels around those at the edges leave the frame
    assert any("36 points of the map are left out" in line for line in output)
    assert any("48 pairs to train on, 12 to validate" in line for line in output)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (("data.path=null",), "data.path is not given — name your images"),
        (("data.target_path=null",), "data.target_path is not given — name your spectra"),
        (("data.target_key=map",), "has 60 images, data.target_path=pairs.h5 96 spectra — give"),
        (("data.join=place",), "takes one image and one map of spectra, not 60 images"),
        (("data.join=place", "data.target=images"), "joins images to spectra, not images to im"),
        (("data.corrupt=noise",), "data.corrupt=noise: what data=pairs has is predicted"),
        (("model=rvae",), "model=rvae and data=pairs do not go together — model=ved predicts"),
        (
            ("data=particles", "data.train_size=20", "data.val_size=10"),
            "model=ved and data=particles do not go together",
        ),
        (("model/decoder=canonical",), "predicts what has neither pose nor brightness"),
    ],
)
def test_bad_input_is_one_line(vaerun, file, changed, line):
    given = [] if changed[0].startswith("data=") else words("images", "spectra")
    tiny = [word for word in TINY if word.split("=")[0] not in {c.split("=")[0] for c in changed}]
    status, _, errors = vaerun(*tiny, *given, *changed)
    assert (status, len(errors)) == (2, 1)
    assert line in errors[0]
