"""Training: restarts and the choice among them, interruptions, resuming."""

import csv
import dataclasses
import functools
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vaerun.data.datasets.card_suits import SUITS
from vaerun.data.image_set import Splits
from vaerun.data.load import load
from vaerun.models.lightning_module import VAELightningModule
from vaerun.training import trainer
from vaerun.training.callbacks import BestAndLastCheckpoint, RestartCheckpoint
from vaerun.training.clustering import template_mixture
from vaerun.training.context import TrainingContext

TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=40",
    "data.val_size=20",
    "data.batch_size=20",
    "data.labelled_per_class=2",
    "model.hidden=[12,10]",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
TWICE = ("model.restarts=2", "model.restart_epochs=1")
SECOND_IS_BETTER, FIRST_IS_BETTER = 0, 2  # seeds of a run with two restarts
TEMPLATES = ("model.clustering.templates=2", "model.clustering.layout=false")

Run = Callable[..., tuple[Path, list[str]]]


@pytest.fixture(autouse=True)
def _training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no results after training, and fit templates in few steps."""
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    monkeypatch.setattr(template_mixture, "_STEPS", 10)


@pytest.fixture
def run(vaerun) -> Run:
    """Runs the real command, which must succeed; returns its folder and output."""

    def succeed(*overrides: str) -> tuple[Path, list[str]]:
        status, output, errors = vaerun(*TINY, *overrides)
        assert (status, errors) == (0, [])
        return Path(output[-1].removeprefix("run: ")), output

    return succeed


def rows(folder: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without the seconds."""
    with (folder / "metrics.csv").open() as file:
        logged = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in logged]


def losses(folder: Path) -> list[float]:
    return [float(row["val/loss"]) for row in rows(folder)]


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)["state_dict"]


def power_cut(*_: object) -> None:
    raise RuntimeError("power cut")


@pytest.mark.parametrize(("seed", "better"), [(FIRST_IS_BETTER, 0), (SECOND_IS_BETTER, 1)])
def test_the_restart_of_the_lowest_loss_is_continued(
    run: Run, monkeypatch, seed: int, better: int
):
    """The run then equals one of that seed alone."""
    options = (*TWICE, f"seed={seed}", "trainer.max_epochs=2")
    seeds = [trainer._seed_of_restart(seed, number) for number in (0, 1)]
    together, output = run(*options)
    alone = []
    for only in seeds:
        monkeypatch.setattr(trainer, "_seed_of_restart", lambda *_, only=only: only)
        alone.append(run(*options)[0])
    first = [losses(folder)[0] for folder in alone]
    best = first.index(min(first))
    assert best == better
    assert rows(together) == rows(alone[best])
    message = f"{first[0]:.1f}, {first[1]:.1f}; {first[best]:.1f} goes on"
    assert any(message in line for line in output)


def test_a_run_of_several_restarts_looks_like_any_other(run: Run):
    folder, _ = run(*TWICE, "model.restarts=3", "trainer.max_epochs=3")
    assert [row["epoch"] for row in rows(folder)] == ["1", "2", "3"]
    assert [row["step"] for row in rows(folder)] == ["2", "4", "6"]
    saved = {path.name for path in (folder / "checkpoints").iterdir()}
    assert saved == {"last.ckpt", "previous.ckpt", "best.ckpt"}
    assert json.loads((folder / "manifest.json").read_text())["status"] == "finished"


def best_epoch(folder: Path) -> int:
    return torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["epoch"]


def test_the_best_state_is_that_of_the_restart_until_another_is_better(run: Run, monkeypatch):
    options = (*TWICE, "trainer.max_epochs=2")
    folder, _ = run(*options)
    assert losses(folder)[1] < losses(folder)[0]
    assert best_epoch(folder) == 1
    monkeypatch.setattr(
        RestartCheckpoint, "state_dict", lambda _: {"best": 1e-6, "stopped": False}
    )  # hard to better
    assert best_epoch(run(*options)[0]) == 0


def test_restarts_may_be_all_there_is(run: Run):
    folder, _ = run("model.restarts=2", "model.restart_epochs=5", "trainer.max_epochs=2")
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    best, last = weights(folder, "best"), weights(folder, "last")
    assert all(torch.equal(best[name], last[name]) for name in last)


def let_diverge(monkeypatch: pytest.MonkeyPatch, seeds: set[int]) -> None:
    """Make trainings of these seeds diverge in their first epoch."""
    original = trainer.new_module

    def module(context: TrainingContext, seed: int) -> VAELightningModule:
        made = original(context, seed)
        if seed in seeds:
            torch.nn.init.constant_(next(made.network.decoder.parameters()), math.nan)
        return made

    monkeypatch.setattr(trainer, "new_module", module)


SEEDS = [trainer._seed_of_restart(0, number) for number in range(3)]


@pytest.mark.parametrize("diverging", [{1}, {0, 2}], ids=str)
def test_a_restart_that_diverges_is_left_out(run: Run, monkeypatch, diverging: set[int]):
    """The others and the choice among them are unaffected."""
    options = (*TWICE, "model.restarts=3", "trainer.max_epochs=2")
    let_diverge(monkeypatch, {SEEDS[number] for number in diverging})
    folder, output = run(*options)
    messages = [line for line in output if line.endswith("diverged and is left out")]
    assert messages == [f"restart {j + 1} diverged and is left out" for j in sorted(diverging)]
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    left = [SEEDS[j] for j in range(3) if j not in diverging]
    assert state["seed"] in left
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    (chosen,) = (line for line in output if "goes on" in line)
    assert "nan" not in chosen
    assert chosen.count(",") == len(left) - 1
    assert not list((folder / "checkpoints").glob("restart_*"))


def test_if_all_restarts_diverge_the_run_fails(vaerun, monkeypatch):
    let_diverge(monkeypatch, set(SEEDS[:2]))
    status, output, errors = vaerun(*TINY, *TWICE, "trainer.max_epochs=2")
    assert (status, len(errors)) == (2, 1)
    assert "training diverged" in errors[0]
    assert [line for line in output if "left out" in line] == [
        "restart 1 diverged and is left out"
    ]


def test_a_run_that_left_a_restart_out_is_resumed_as_if_never_stopped(
    run: Run, vaerun, monkeypatch
):
    """The first diverges, the second is finished, the third is interrupted."""
    let_diverge(monkeypatch, {SEEDS[0]})
    options = (*TWICE, "model.restarts=3", "trainer.max_epochs=2")
    complete, _ = run(*options, "out=complete")
    with monkeypatch.context() as patch:
        save = RestartCheckpoint.on_train_epoch_end
        patch.setattr(
            RestartCheckpoint,
            "on_train_epoch_end",
            lambda self, *rest: (power_cut if "_2" in self.pair.newest.name else save)(
                self, *rest
            ),
        )
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert "restart 1 diverged and is left out" in output
    assert not any("restart 2 of 3" in line for line in output)
    assert rows(resumed) == rows(complete)


def scalars(folder: Path) -> list[tuple[int, str]]:
    """Epoch and validation loss of every event in a folder, without subfolders."""
    (file,) = folder.glob("events*")
    events = EventAccumulator(str(file)).Reload().Scalars("val/loss")
    return [(event.step, f"{event.value:.4g}") for event in events]


@pytest.mark.parametrize(
    ("seed", "better", "epochs"), [(FIRST_IS_BETTER, 0, 1), (SECOND_IS_BETTER, 1, 2)]
)
def test_tensorboard_and_log_show_the_chosen_restart_and_each_by_itself(
    run: Run, seed: int, better: int, epochs: int
):
    folder, _ = run(*TWICE, f"seed={seed}", f"trainer.max_epochs={epochs}")
    logged = [f"{loss:.4g}" for loss in losses(folder)]
    restarts = [scalars(folder / f"tensorboard/restart_{i}") for i in (1, 2)]
    assert restarts[0] != restarts[1]
    assert restarts[better] == [(1, logged[0])]
    assert scalars(folder / "tensorboard") == list(enumerate(logged, start=1))


def test_classes_without_a_label_are_named_before_training(run: Run, monkeypatch):
    original = load

    def relabelled(*arguments, **options) -> Splits:
        splits = original(*arguments, **options)
        label = torch.where(splits.labelled.label % 2 == 0, -1, splits.labelled.label)
        labelled = dataclasses.replace(splits.labelled, label=label)
        return dataclasses.replace(splits, labelled=labelled)

    options = ("model=ssrvae", *TEMPLATES, "trainer.max_epochs=1")
    assert not any("no label" in line for line in run(*options)[1])
    monkeypatch.setattr("vaerun.training.context.load", relabelled)
    _, output = run(*options)
    (line,) = (line for line in output if "no label" in line)
    assert f"of {SUITS[0]}, {SUITS[2]}: such images" in line
    assert output.index(line) < next(i for i, text in enumerate(output) if "epoch 1/1" in text)


@pytest.mark.parametrize("how", ["auto", "outputs/rvae/cards_iv/version_0"])
def test_a_run_stopped_in_a_restart_resumes_that_restart(run: Run, vaerun, monkeypatch, how: str):
    options = (*TWICE, "trainer.max_epochs=2")
    complete, _ = run(*options, "out=complete")
    with monkeypatch.context() as patch:
        save = RestartCheckpoint.on_train_epoch_end
        patch.setattr(
            RestartCheckpoint,
            "on_train_epoch_end",
            lambda self, *rest: (power_cut if "_1" in self.pair.newest.name else save)(
                self, *rest
            ),
        )
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, f"resume={how}")
    assert resumed.name == "version_0"
    assert not any("restart 1 of 2" in line for line in output)
    assert any("restart 2 of 2" in line for line in output)
    assert rows(resumed) == rows(complete)


@pytest.mark.parametrize(
    "choice",
    [
        ("model=jrvae", *TEMPLATES, *TWICE),
        ("model=jrvae", "model/category=classifier", *TEMPLATES, *TWICE),
        ("model=jrvae", "model/category=gumbel_softmax", *TEMPLATES, "objective=capacity"),
        ("model=ssrvae", *TEMPLATES),
        ("model=crvae", *TEMPLATES, "model.category.condition=[class,shear]"),
    ],
    ids=" ".join,
)
def test_a_model_with_classes_resumes_as_if_never_stopped(
    run: Run, vaerun, monkeypatch, choice: tuple[str, ...]
):
    """Stopped after its second epoch of three, while pseudo-labels still supervise."""
    options = (*choice, "seed=1", "trainer.max_epochs=3")
    complete, _ = run(*options, "out=complete")
    with monkeypatch.context() as patch:
        save = BestAndLastCheckpoint.on_train_epoch_end

        def stop_after_two(self, trainer, module):
            save(self, trainer, module)
            if trainer.current_epoch == 1:
                power_cut()

        patch.setattr(BestAndLastCheckpoint, "on_train_epoch_end", stop_after_two)
        assert vaerun(*TINY, *options)[0] == 1
    resumed, _ = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert rows(resumed) == rows(complete)
    ours, theirs = weights(resumed), weights(complete)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("stop_at", [1, 3, 7], ids="step {}".format)
@pytest.mark.parametrize(
    "choice",
    [
        ("model=ae", "data.corrupt=noise"),
        ("model=jrvae", "model/category=gumbel_softmax", *TEMPLATES, "objective=capacity"),
        ("model=ssrvae", *TEMPLATES, "trainer.schedule=one_cycle"),
        ("model.restarts=2", "model.restart_epochs=2", "trainer.early_stopping_epochs=2"),
    ],
    ids=" ".join,
)
def test_a_run_stopped_within_an_epoch_resumes_as_if_never_stopped(
    run: Run, vaerun, monkeypatch, choice: tuple[str, ...], stop_at: int
):
    """In the middle of the first, second or third of three, or of the first restart."""
    five = ("data.batch_size=8",)  # steps an epoch
    options = (*choice, *five, "trainer.max_epochs=3", "trainer.checkpoint_minutes=0")
    complete, _ = run(*options, "out=complete")
    with monkeypatch.context() as patch:
        original = VAELightningModule.training_step

        def step(self, batch, batch_idx):
            if self.global_step == stop_at:
                power_cut()
            return original(self, batch, batch_idx)

        patch.setattr(VAELightningModule, "training_step", step)
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert f"going on after step {stop_at}" in output
    assert rows(resumed) == rows(complete)
    ours, theirs = weights(resumed), weights(complete)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_stopped_early_and_killed_in_its_results_trains_no_more(run, vaerun, monkeypatch):
    options = ("trainer.max_epochs=9", "trainer.early_stopping_epochs=2")
    options = (*options, "trainer.learning_rate=1e-30")  # no epoch is better than the first
    with monkeypatch.context() as patch:
        patch.setattr("vaerun.tasks.results.write_results", power_cut)
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, "resume=auto")
    assert [row["epoch"] for row in rows(resumed)] == ["1", "2", "3"]
    assert not any(line.startswith("epoch") for line in output)


def test_a_resumed_run_keeps_the_seed_of_the_restart_that_was_chosen(run: Run):
    seed = SECOND_IS_BETTER
    folder, _ = run(*TWICE, f"seed={seed}", "trainer.max_epochs=2")
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    assert state["seed"] == trainer._seed_of_restart(seed, 1) != seed


def test_pseudo_labels_supervise_the_first_epochs_only(run: Run):
    options = ("model=jrvae", *TEMPLATES, "trainer.max_epochs=2")
    supervised = {
        n: rows(run(*options, f"objective.pseudo_label_steps={2 * n}")[0]) for n in (0, 1, 2)
    }
    blind = rows(run(*options, "model.clustering.templates=0")[0])
    assert supervised[0] == blind
    assert supervised[1][0] == supervised[2][0] != blind[0]
    assert supervised[1][1] != supervised[2][1]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch warns while it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++")
@pytest.mark.parametrize(("model", "compiler"), [("vae", "inductor"), ("rvae", "aot_eager")])
def test_compiled_networks_have_the_same_losses(run: Run, monkeypatch, model: str, compiler: str):
    """A plain decoder compiled to machine code, ours only captured, which takes less long."""
    method = functools.partialmethod(torch.nn.Module.compile, backend=compiler)
    monkeypatch.setattr(torch.nn.Module, "compile", method)
    options = ("trainer.max_epochs=1", "model.hidden=[8]", f"model={model}")
    plain, _ = run(*options)
    compiled, _ = run(*options, "trainer.compile=true")
    assert losses(compiled) == pytest.approx(losses(plain), rel=1e-4)


def test_without_a_compiler_nothing_is_compiled(vaerun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vaerun.training.hardware.shutil.which", lambda _: None)
    status, _, errors = vaerun(*TINY, "trainer.compile=true")
    assert (status, errors) == (
        2,
        ["error: trainer.compile=true finds no C++ compiler — install g++, or leave it"],
    )
