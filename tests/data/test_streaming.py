"""Runs of images that stream from a file: to the same end as from memory, whatever happens."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vaerun import load
from vaerun.data import sampler
from vaerun.models.lightning_module import VAELightningModule
from vaerun.training.clustering import template_mixture

N, SIDE = 240, 16
TINY = (
    "data=images",
    "data.path=x.h5",
    "data.root=root",
    "data.batch_size=16",
    "data.repeats=1",
    "model.hidden=[12,10]",
    "model.likelihood=bernoulli",  # losses are far from zero and compare by their ratio
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.progress=false",
)
STREAMED = "data.memory_gb=0.0001"  # of 0.0002
FACTORS = ("data.label=kind", "data.factors=[angle]")
CLASSES = (*FACTORS, "data.labelled_share=0.2", "model.clustering.templates=2")

Run = Callable[..., Path]


@pytest.fixture
def run(vaerun, here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of the real command on images in a file, that has to end well: its folder."""
    monkeypatch.setattr(template_mixture, "_STEPS", 10)
    rng = np.random.default_rng(0)
    with h5py.File(here / "x.h5", "w") as file:
        # in the order of their classes, as files often are
        kind = np.sort(np.arange(N) % 3)
        row, column = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        angle = rng.uniform(-np.pi, np.pi, (N, 1, 1))
        along = column * np.cos(angle) - row * np.sin(angle)
        across = column * np.sin(angle) + row * np.cos(angle)
        bars = np.exp(-((along / 5) ** 2) - (across / (1 + kind[:, None, None])) ** 2)
        file["images"] = np.round(255 * bars * (1 + np.tanh(along)) / 2).astype(np.uint8)
        file["kind"], file["angle"] = kind, angle[:, 0, 0]

    def succeed(*overrides: str) -> Path:
        status, output, errors = vaerun(*TINY, *overrides)
        assert (status, errors) == (0, [])
        return Path(output[-1].removeprefix("run: "))

    return succeed


@pytest.fixture
def _training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        found = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.usefixtures("_training_alone")
@pytest.mark.parametrize(
    "choice", [(), ("model=ssrvae", *CLASSES), ("model=jrvae", *CLASSES)], ids=str
)
def test_it_comes_to_the_same_as_from_memory_but_for_the_order(
    run: Run, monkeypatch: pytest.MonkeyPatch, choice: tuple[str, ...]
):
    streamed = run(STREAMED, *choice, "out=streamed")
    held = run(*choice, "out=held")
    assert rows(streamed) != rows(held)
    losses = [[float(row["val/loss"]) for row in rows(folder)] for folder in (streamed, held)]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)
    monkeypatch.setattr(
        sampler, "windowed_shuffle", lambda n, _, rng: torch.from_numpy(rng.permutation(n))
    )
    same = run(STREAMED, *choice, "out=same")
    assert rows(same) == rows(held)
    ours, theirs = weights(same), weights(held)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.usefixtures("_training_alone")
@pytest.mark.parametrize("stop_at", [5, 13])
@pytest.mark.parametrize("choice", [(), ("data.repeats=3",), ("model=ssrvae", *CLASSES)], ids=str)
def test_stopped_within_an_epoch_it_goes_on_as_if_never_stopped(
    run: Run, vaerun, monkeypatch: pytest.MonkeyPatch, choice: tuple[str, ...], stop_at: int
):
    options = (STREAMED, *choice, "trainer.checkpoint_minutes=0")
    whole = run(*options, "out=whole")
    with monkeypatch.context() as patch:
        honest = VAELightningModule.training_step

        def step(self: VAELightningModule, batch: object, batch_idx: int) -> object:
            if self.global_step == stop_at:
                raise RuntimeError("power cut")
            return honest(self, batch, batch_idx)

        patch.setattr(VAELightningModule, "training_step", step)
        assert vaerun(*TINY, *options)[0] == 1
    resumed = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert rows(resumed) == rows(whole)
    ours, theirs = weights(resumed), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_whole_run_and_what_is_done_with_it(run: Run, vaerun):
    streamed = run(STREAMED, *FACTORS)
    held = run(*FACTORS, "out=held")
    ours, theirs = load(streamed), load(held)
    assert np.array_equal(ours.latents.index, theirs.latents.index)
    assert np.array_equal(ours.latents.label, theirs.latents.label)
    assert ours.metrics.keys() == theirs.metrics.keys()
    with (
        np.load(streamed / "figures/arrays.npz") as one,
        np.load(held / "figures/arrays.npz") as two,
    ):
        assert set(one) == set(two)
        for name in ("inputs", "reconstructions_input", "latent_label", "factor_angle"):
            np.testing.assert_array_equal(one[name], two[name])
    assert (streamed / "report.html").is_file()
    status, output, errors = vaerun("task=evaluate", f"run={streamed}", "trainer.accelerator=cpu")
    assert (status, errors) == (0, [])
    again = json.loads((Path(output[-1].removeprefix("run: ")) / "metrics.json").read_text())
    assert again["elbo"] == pytest.approx(ours.metrics["elbo"])
    assert len(list(Path("root").rglob("*.h5"))) == 1


def test_a_limit_of_nothing_is_refused(vaerun, here: Path):
    status, _, errors = vaerun(*TINY, "data.memory_gb=0")
    assert status == 2
    assert "data.memory_gb=0 must be above 0" in errors[0]
