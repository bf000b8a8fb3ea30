"""Training that begins from the weights of a finished run: the same network, or a line why not."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import vaerun as package
from vaerun.runs.checkpoint import read_checkpoint

from .conftest import TINY

STILL = "trainer.learning_rate=1e-30"


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def losses(folder: Path) -> list[str]:
    with (folder / "metrics.csv").open() as file:
        return [row["val/loss"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "model",
    [
        ("model=rvae", "model.invariances=[r,t,i]", "model.likelihood=gaussian"),
        ("model=crvae", "model.category.condition=[class,shear]"),
    ],
    ids=["rvae", "crvae"],
)
def test_weights_and_constants_go_on_as_they_were(run, model) -> None:
    first = run(*model, "trainer.max_epochs=2")
    second = run(*model, STILL, "trainer.max_epochs=1", f"model.start_from={first}", "seed=0")
    loss, before = (metrics(folder)["elbo"]["loss"] for folder in (second, first))
    assert loss == pytest.approx(before, rel=1e-5)
    assert json.loads((second / "manifest.json").read_text())["started_from"] == str(first)
    before, after = (package.load(folder).network for folder in (first, second))
    for name, values in before.state_dict().items():
        there = after.state_dict()[name]
        same = torch.equal(there, values) if isinstance(values, torch.Tensor) else there == values
        assert same, name
    # of other images the constants, and what a condition means, are still those of the first
    third = run(*model, STILL, "trainer.max_epochs=1", f"model.start_from={first}", "seed=1",
                "data.shear_deg=5")  # fmt: skip
    other = package.load(third).network
    assert other.shape.ranges == before.shape.ranges
    state = dict(other.named_modules())
    for name, module in before.named_modules():
        if hasattr(module, "constants"):
            assert state[name].constants == module.constants


def test_other_weights_are_learned_and_a_resumed_run_ends_in_the_same(run, here, stop_after):
    first = run("model=rvae", "trainer.max_epochs=1")
    again = ("model=rvae", "trainer.max_epochs=3", f"model.start_from={first}")
    whole = run(*again)
    assert len(set(losses(whole))) == 3
    stop_after(2)
    run(*again, "out=stopped", status=130)
    stop_after(None)
    shutil.move(first, here / "elsewhere")  # a resumed run has its own weights
    resumed = run(*again, "out=stopped", "resume=auto")
    assert losses(resumed) == losses(whole)
    states = [read_checkpoint(folder / "checkpoints/last.ckpt")["state_dict"]
              for folder in (whole, resumed)]  # fmt: skip
    assert all(np.array_equal(v, states[1][k]) for k, v in states[0].items() if torch.is_tensor(v))


def test_another_model_is_refused_by_the_key_that_differs(run, vaerun, here) -> None:
    first = run("model=rvae", "trainer.max_epochs=1")
    start = f"model.start_from={first}"
    for overrides, line in (
        (["model=vae"], "has model=rvae, but here it is vae — give model=rvae, or leave"),
        (["model=rvae", "model.latent_dim=3"], "has model.latent_dim=2, but here it is 3 — give"),
        (["model=rvae", "model/pose=amortized"], "has model/pose=orbit, but here it is amortized"),
        (["model=rvae", "model.pose.bins=4"], "has model.pose.bins=8, but here it is 4"),
        (["model=rvae", "data.size=20"], "is of images of 16×16×1 (rows, columns, channels), the"),
        (["model=rvae", "model.restarts=2"], "model.restarts=2 is of no use to model.start_from"),
        (["model=rvae", "model.start_from=outputs/rvae/none"], "is not a folder"),
    ):
        before = sorted(here.rglob("*"))
        given = [start, *overrides]
        status, _, errors = vaerun(*TINY, *given)
        assert status == 2, overrides
        assert len(errors) == 1
        assert line in errors[0]
        assert sorted(here.rglob("*")) == before


def test_validation_images_that_were_trained_on_are_counted(run, vaerun, here) -> None:
    np.save(here / "x.npy", np.random.default_rng(0).random((40, 16, 16), np.float32))
    own = ("data=images", "data.path=x.npy", "model=vae", "model.hidden=[8]", "data.repeats=1",
           "trainer.max_epochs=1", "trainer.accelerator=cpu")  # fmt: skip
    status, output, _ = vaerun(*own)
    assert status == 0
    start = f"model.start_from={output[-1].removeprefix('run: ')}"
    said = {seed: " ".join(vaerun(*own, start, f"seed={seed}")[1]) for seed in (0, 1)}
    assert "validation images were trained on by" in said[1]
    assert "seed=0 holds back the same" in " ".join(said[1].split())
    assert "were trained on" not in said[0]
