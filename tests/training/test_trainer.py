"""How training begins and goes on: several beginnings, the best of them chosen, interruptions."""

import csv
import dataclasses
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
    "data.train_size=40",
    "data.val_size=20",
    "data.batch_size=20",
    "data.labelled_per_class=2",
    "model.hidden=[12,10]",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
TWICE = ("model.restarts=2", "model.restart_epochs=1")
FOUND = ("model.clustering.templates=2",)

Run = Callable[..., tuple[Path, list[str]]]


@pytest.fixture(autouse=True)
def _training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is encoded or drawn after it, and an atlas is learned in no time."""
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    monkeypatch.setattr(template_mixture, "_STEPS", 10)


@pytest.fixture
def run(vaerun) -> Run:
    """A run of the real command, that has to end well: its folder and its output."""

    def succeed(*overrides: str) -> tuple[Path, list[str]]:
        status, output, errors = vaerun(*TINY, *overrides)
        assert (status, errors) == (0, [])
        return Path(output[-1].removeprefix("run: ")), output

    return succeed


def rows(folder: Path) -> list[dict[str, str]]:
    """The log of every epoch, but for the time it took."""
    with (folder / "metrics.csv").open() as file:
        found = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def losses(folder: Path) -> list[float]:
    return [float(row["val/loss"]) for row in rows(folder)]


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)["state_dict"]


def power_cut(*_: object) -> None:
    raise RuntimeError("power cut")


@pytest.mark.parametrize("seed", [0, 1])  # the first beginning is the better one, the second
def test_the_beginning_of_the_lower_loss_goes_on(run: Run, monkeypatch, seed: int):
    """As if it had been the only one."""
    options = (*TWICE, f"seed={seed}", "trainer.max_epochs=2")
    seeds = [trainer._seed_of_restart(seed, number) for number in (0, 1)]
    together, output = run(*options)
    alone = []
    for only in seeds:
        monkeypatch.setattr(trainer, "_seed_of_restart", lambda *_, only=only: only)
        alone.append(run(*options)[0])
    first = [losses(folder)[0] for folder in alone]
    best = first.index(min(first))
    assert best == seed
    assert rows(together) == rows(alone[best])
    said = f"{first[0]:.1f}, {first[1]:.1f}; {first[best]:.1f} goes on"
    assert any(said in line for line in output)


def test_a_run_of_several_beginnings_looks_like_any_other(run: Run):
    folder, _ = run(*TWICE, "model.restarts=3", "trainer.max_epochs=3")
    assert [row["epoch"] for row in rows(folder)] == ["1", "2", "3"]
    assert [row["step"] for row in rows(folder)] == ["2", "4", "6"]
    kept = {path.name for path in (folder / "checkpoints").iterdir()}
    assert kept == {"last.ckpt", "previous.ckpt", "best.ckpt"}
    assert json.loads((folder / "manifest.json").read_text())["status"] == "finished"


def best_epoch(folder: Path) -> int:
    return torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["epoch"]


def test_the_best_state_is_that_of_the_beginning_until_another_is_better(run: Run, monkeypatch):
    options = (*TWICE, "trainer.max_epochs=2")
    folder, _ = run(*options)
    assert losses(folder)[1] < losses(folder)[0]
    assert best_epoch(folder) == 1
    monkeypatch.setattr(
        RestartCheckpoint, "state_dict", lambda _: {"best": 1e-6}
    )  # hard to better
    assert best_epoch(run(*options)[0]) == 0


def test_beginnings_may_be_all_there_is(run: Run):
    folder, _ = run("model.restarts=2", "model.restart_epochs=5", "trainer.max_epochs=2")
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    best, last = weights(folder, "best"), weights(folder, "last")
    assert all(torch.equal(best[name], last[name]) for name in last)


def let_diverge(monkeypatch: pytest.MonkeyPatch, seeds: set[int]) -> None:
    """Training that begins with one of the seeds comes to no number in its first epoch."""
    honest = trainer._module

    def module(setting: TrainingContext, seed: int) -> VAELightningModule:
        made = honest(setting, seed)
        if seed in seeds:
            torch.nn.init.constant_(next(made.network.decoder.parameters()), math.nan)
        return made

    monkeypatch.setattr(trainer, "_module", module)


SEEDS = [trainer._seed_of_restart(0, number) for number in range(3)]


@pytest.mark.parametrize("diverging", [{1}, {0, 2}], ids=str)
def test_a_beginning_that_diverges_is_left_out(run: Run, monkeypatch, diverging: set[int]):
    """As if it had never been."""
    options = (*TWICE, "model.restarts=3", "trainer.max_epochs=2")
    let_diverge(monkeypatch, {SEEDS[number] for number in diverging})
    folder, output = run(*options)
    said = [line for line in output if line.endswith("diverged and is left out")]
    assert said == [f"beginning {j + 1} diverged and is left out" for j in sorted(diverging)]
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    left = [SEEDS[j] for j in range(3) if j not in diverging]
    assert state["seed"] in left
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    (chosen,) = (line for line in output if "goes on" in line)
    assert "nan" not in chosen
    assert chosen.count(",") == len(left) - 1
    assert not list((folder / "checkpoints").glob("beginning_*"))


def test_where_all_beginnings_diverge_the_run_does(vaerun, monkeypatch):
    let_diverge(monkeypatch, set(SEEDS[:2]))
    status, output, errors = vaerun(*TINY, *TWICE, "trainer.max_epochs=2")
    assert (status, len(errors)) == (2, 1)
    assert "training diverged" in errors[0]
    assert [line for line in output if "left out" in line] == [
        "beginning 1 diverged and is left out"
    ]


def test_a_run_that_left_a_beginning_out_is_resumed_as_if_never_stopped(
    run: Run, vaerun, monkeypatch
):
    """The first diverges, the second is finished, the third is interrupted."""
    let_diverge(monkeypatch, {SEEDS[0]})
    options = (*TWICE, "model.restarts=3", "trainer.max_epochs=2")
    whole, _ = run(*options, "out=whole")
    with monkeypatch.context() as patch:
        save = RestartCheckpoint.on_train_epoch_end
        patch.setattr(
            RestartCheckpoint,
            "on_train_epoch_end",
            lambda self, *rest: (power_cut if "_2" in self.path.name else save)(self, *rest),
        )
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert "beginning 1 diverged and is left out" in output
    assert not any("beginning 2 of 3" in line for line in output)
    assert rows(resumed) == rows(whole)


def scalars(folder: Path) -> list[tuple[int, str]]:
    """Epoch and validation loss of every event in a folder, not in those below."""
    (file,) = folder.glob("events*")
    events = EventAccumulator(str(file)).Reload().Scalars("val/loss")
    return [(event.step, f"{event.value:.4g}") for event in events]


@pytest.mark.parametrize(("seed", "epochs"), [(0, 1), (1, 2)])
def test_tensorboard_and_log_show_the_chosen_beginning_and_each_by_itself(
    run: Run, seed: int, epochs: int
):
    """The first is chosen under seed 0, the second under seed 1."""
    folder, _ = run(*TWICE, f"seed={seed}", f"trainer.max_epochs={epochs}")
    logged = [f"{loss:.4g}" for loss in losses(folder)]
    beginnings = [scalars(folder / f"tensorboard/beginning_{i}") for i in (1, 2)]
    assert beginnings[0] != beginnings[1]
    assert beginnings[seed] == [(1, logged[0])]
    assert scalars(folder / "tensorboard") == list(enumerate(logged, start=1))


def test_classes_without_a_label_are_named_before_training(run: Run, monkeypatch):
    honest = load

    def relabelled(*arguments, **options) -> Splits:
        splits = honest(*arguments, **options)
        label = torch.where(splits.labelled.label % 2 == 0, -1, splits.labelled.label)
        labelled = dataclasses.replace(splits.labelled, label=label)
        return dataclasses.replace(splits, labelled=labelled)

    options = ("model=ssrvae", *FOUND, "trainer.max_epochs=1")
    assert not any("no label" in line for line in run(*options)[1])
    monkeypatch.setattr("vaerun.training.context.load", relabelled)
    _, output = run(*options)
    (line,) = (line for line in output if "no label" in line)
    assert f"of {SUITS[0]}, {SUITS[2]}: such images" in line
    assert output.index(line) < next(i for i, text in enumerate(output) if "epoch 1/1" in text)


@pytest.mark.parametrize("how", ["auto", "outputs/rvae/cards_iv/version_0"])
def test_a_run_stopped_while_it_begins_goes_on_with_the_next_beginning(
    run: Run, vaerun, monkeypatch, how: str
):
    options = (*TWICE, "trainer.max_epochs=2")
    whole, _ = run(*options, "out=whole")
    with monkeypatch.context() as patch:
        save = RestartCheckpoint.on_train_epoch_end
        patch.setattr(
            RestartCheckpoint,
            "on_train_epoch_end",
            lambda self, *rest: (power_cut if "_1" in self.path.name else save)(self, *rest),
        )
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, f"resume={how}")
    assert resumed.name == "version_0"
    assert not any("beginning 1 of 2" in line for line in output)
    assert any("beginning 2 of 2" in line for line in output)
    assert rows(resumed) == rows(whole)


@pytest.mark.parametrize(
    "choice",
    [
        ("model=jrvae", *FOUND, *TWICE),
        ("model=jrvae", "model/category=classifier", *FOUND, *TWICE),
        ("model=jrvae", "model/category=gumbel_softmax", *FOUND, "objective=capacity"),
        ("model=ssrvae", *FOUND),
        ("model=crvae", *FOUND, "model.category.condition=[class,shear]"),
    ],
    ids=" ".join,
)
def test_a_model_with_classes_resumes_as_if_never_stopped(
    run: Run, vaerun, monkeypatch, choice: tuple[str, ...]
):
    """Stopped after its second epoch of three, while classes found before training still guide."""
    options = (*choice, "seed=1", "trainer.max_epochs=3")
    whole, _ = run(*options, "out=whole")
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
    assert rows(resumed) == rows(whole)
    ours, theirs = weights(resumed), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("stop_at", [1, 3, 7], ids="step {}".format)
@pytest.mark.parametrize(
    "choice",
    [
        ("model=ae", "data.corrupt=noise"),
        ("model=jrvae", "model/category=gumbel_softmax", *FOUND, "objective=capacity"),
        ("model=ssrvae", *FOUND, "trainer.schedule=one_cycle"),
        ("model.restarts=2", "model.restart_epochs=2", "trainer.early_stopping_epochs=2"),
    ],
    ids=" ".join,
)
def test_a_run_stopped_within_an_epoch_resumes_as_if_never_stopped(
    run: Run, vaerun, monkeypatch, choice: tuple[str, ...], stop_at: int
):
    """In the middle of the first, second or third of three, or of the first beginning."""
    five = ("data.batch_size=8",)  # steps an epoch
    options = (*choice, *five, "trainer.max_epochs=3", "trainer.checkpoint_minutes=0")
    whole, _ = run(*options, "out=whole")
    with monkeypatch.context() as patch:
        honest = VAELightningModule.training_step

        def step(self, batch, batch_idx):
            if self.global_step == stop_at:
                power_cut()
            return honest(self, batch, batch_idx)

        patch.setattr(VAELightningModule, "training_step", step)
        assert vaerun(*TINY, *options)[0] == 1
    resumed, output = run(*options, "resume=auto")
    assert resumed.name == "version_0"
    assert f"going on after step {stop_at}" in output
    assert rows(resumed) == rows(whole)
    ours, theirs = weights(resumed), weights(whole)
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


def test_a_checkpoint_of_an_older_version_is_gone_on_with(run: Run, vaerun, monkeypatch):
    """Which says less, and was written at the end of an epoch."""
    whole, _ = run("trainer.max_epochs=3", "out=whole")
    with monkeypatch.context() as patch:
        honest = BestAndLastCheckpoint.on_train_epoch_end

        def stop_after_two(self, trainer, module):
            honest(self, trainer, module)
            if trainer.current_epoch == 1:
                power_cut()

        patch.setattr(BestAndLastCheckpoint, "on_train_epoch_end", stop_after_two)
        assert vaerun(*TINY, "trainer.max_epochs=3")[0] == 1
    (last,) = Path("outputs").rglob("last.ckpt")
    state = torch.load(last, weights_only=True)
    del state["callbacks"]["Checkpoints"]["ended"]
    del state["callbacks"]["History"]["spent"]
    torch.save(state, last)
    resumed, _ = run("trainer.max_epochs=3", "resume=auto")
    assert resumed.name == "version_0"
    assert rows(resumed) == rows(whole)


def test_a_resumed_run_keeps_the_seed_of_the_beginning_that_was_chosen(run: Run):
    folder, _ = run(*TWICE, "seed=1", "trainer.max_epochs=2")
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    assert state["seed"] == trainer._seed_of_restart(1, 1) != 1


def test_what_was_found_before_training_guides_the_first_epochs_only(run: Run):
    options = ("model=jrvae", *FOUND, "trainer.max_epochs=2")
    guided = {n: rows(run(*options, f"objective.pseudo_label_epochs={n}")[0]) for n in (0, 1, 2)}
    blind = rows(run(*options, "model.clustering.templates=0")[0])
    assert guided[0] == blind
    assert guided[1][0] == guided[2][0] != blind[0]
    assert guided[1][1] != guided[2][1]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch warns of its own doings while it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++")
def test_compiled_networks_come_to_the_same(run: Run):
    options = ("trainer.max_epochs=1", "model.hidden=[8]")
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
