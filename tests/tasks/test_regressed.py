"""A target through the real command: known of some of the user's curves, inferred for all."""

import json

import h5py
import numpy as np
import pytest

import vaerun as package

TINY = ("model.hidden=[16]", "trainer.film=false", "trainer.max_epochs=2", "trainer.logger=[csv]",
        "trainer.progress=false", "data.repeats=1", "data.batch_size=20", "model.pose.bins=3",
        "model.latent_dim=1")  # fmt: skip
REGRESSED = ("model=ssrvae", "model/category=regressed", "model.category.target=strain",
             "data=spectra", "data.path=map.h5", "data.factors=[strain]")  # fmt: skip


@pytest.fixture
def file(here):
    """A map of 9 × 10 curves whose line widens with a strain that is known of every other."""
    axis = np.linspace(-1, 1, 24)
    strain = np.random.default_rng(0).uniform(1, 3, (9, 10))
    with h5py.File(here / "map.h5", "w") as opened:
        opened["map"] = np.exp(-0.5 * (axis / (0.1 * strain[..., None])) ** 2)
        opened["strain"] = np.where(np.arange(90).reshape(9, 10) % 2, np.nan, strain)
    return here / "map.h5"


def test_a_target_is_inferred_for_all_and_again_with_the_finished_run(vaerun, file, monkeypatch):
    for task in ("encode", "results"):
        monkeypatch.setattr(f"vaerun.tasks.{task}.draw", lambda *_: {})
    status, output, errors = vaerun(*REGRESSED, *TINY)
    assert (status, errors) == (0, [])
    assert any("strain is known of" in line for line in output)
    run = package.load(output[-1].removeprefix("run: "))
    with h5py.File(run.folder.latents) as opened:
        assert opened["target_mean"].shape == opened["target_sd"].shape == (90,)
        assert "predicted" not in opened
    found = json.loads(run.folder.metrics_json.read_text())["regression"]
    val = run.latents.val
    assert found["known"]["n"] == np.isfinite(run.latents.train.factors["strain"]).sum()
    assert found["n"] == np.isfinite(val.factors["strain"]).sum()
    assert (val.target_sd > 0).all()
    with np.load(run.folder.arrays) as arrays:
        assert str(arrays["target_name"]) == "strain"
        assert arrays["frame_0_target_mean"].shape == (90,)
    for part in ("write_report", "explorer_data.build_explorer"):  # made once is enough
        monkeypatch.setattr(f"vaerun.tasks.results.{part}", lambda *_, **__: None)
    with h5py.File(file) as opened:
        x = opened["map"][()].reshape(90, 24)
    encoded = run.encode((x - x.min()) / np.ptp(x))
    order = np.argsort(run.latents.index)
    np.testing.assert_allclose(encoded.target_mean, run.latents.target_mean[order], rtol=1e-3)
    for words in (("task=encode", "data=spectra", "data.path=map.h5"), ("task=evaluate",)):
        status, output, errors = vaerun(*words, f"run={run.path}")
        assert (status, errors) == (0, [])
        with h5py.File(f"{output[-1].removeprefix('run: ')}/latents.h5") as opened:
            again = opened["target_mean"][()][np.argsort(opened["index"][()])]
        np.testing.assert_allclose(again, encoded.target_mean, rtol=1e-3)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("model.category.target=dose",), "target=dose is no factor of the data set — name one"),
        (("model.category.known_share=0.1",), "known of only 4 of 72 training images — give 5"),
        (("model=rvae",), "model/category=regressed is not a category of model=rvae"),
        (("data.labelled_share=0.5",), "data.labelled_share=0.5 is of classes"),
    ],
)
def test_what_cannot_be_inferred_is_said_in_one_line(vaerun, file, words, line):
    status, _, errors = vaerun(*REGRESSED, *TINY, *words)
    assert (status, len(errors)) == (2, 1)
    assert line in errors[0]
