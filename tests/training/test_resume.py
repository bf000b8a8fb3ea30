"""Runs that are killed, stopped or lose a file, and resume with the same results to the last bit.

VAERUN_KILLS is how often a run is killed at a random moment.
"""

import csv
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.forks import Command

N_EPOCHS = 4
TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=400",
    "data.val_size=40",
    "data.batch_size=20",
    "model.hidden=[12,10]",
    f"trainer.max_epochs={N_EPOCHS}",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.checkpoint_minutes=0.001",
)
OF_THE_MACHINE = ("seconds", "images_per_second", "peak_rss_mb")


class Runs:
    """Runs of the command, one after another, each a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._newest: Command

    def start(self, *overrides: str) -> Command:
        """Start a run."""
        self._newest = Command(self.folder, *TINY, *overrides)
        return self._newest

    def complete(self, *overrides: str) -> Path:
        """Do a run that must succeed; returns its folder."""
        assert self.start(*overrides).wait() == 0, self.output()
        return self.folder / self.output()[-1].removeprefix("run: ")

    def stopped(self, number: int, moment: Callable[[Path], bool], *overrides: str) -> int:
        """Do a run that gets a signal once its folder is in some state; returns its status."""
        (out,) = (word.removeprefix("out=") for word in overrides if word.startswith("out="))
        command = self.start(*overrides)
        while command.poll() is None and not moment(self.folder / out / "rvae/cards_iv/version_0"):
            time.sleep(0.002)
        command.send_signal(number)  # it may have ended by itself
        return command.wait()

    def output(self) -> list[str]:
        """All that the newest run wrote, errors last."""
        return "".join(self._newest.communicate()).splitlines()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("resume"))


@pytest.fixture(scope="module")
def uninterrupted(runs: Runs) -> tuple[Path, float]:
    """Folder and seconds of an uninterrupted run."""
    runs.start("--version").wait()  # which waits for the imports
    start = time.monotonic()
    return runs.complete("out=uninterrupted"), time.monotonic() - start


def outcome(folder: Path) -> dict[str, Any]:
    """All results of a run, as bytes and text, except times."""
    results: dict[str, Any] = {}
    for name in ("last", "best"):
        state = torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)
        results |= {
            f"{name} {key}": value.numpy().tobytes() for key, value in plain(state).items()
        }
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    results["epochs"] = [{k: v for k, v in row.items() if k not in OF_THE_MACHINE} for row in rows]
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in OF_THE_MACHINE:
        del metrics["train"][name]
    for check in metrics["checks"].values():  # a mend repeats what was typed, such as out=
        del check["mend"]
    results["metrics"] = metrics
    with h5py.File(folder / "latents.h5") as file:
        file.visititems(
            lambda name, item: (
                results.update({name: item[()].tobytes()})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    results["events"] = [(event.step, event.value) for event in events.Scalars("val/loss")]
    return results


def plain(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Weights and the state of Adam for each."""
    (adam,) = state["optimizer_states"]
    saved = {f"{i} {k}": v for i, values in adam["state"].items() for k, v in values.items()}
    return state["state_dict"] | saved


def check_same(folder: Path, uninterrupted: Path) -> None:
    """Two runs have the same results, and the first left no temporary file."""
    ours, theirs = outcome(folder), outcome(uninterrupted)
    assert [name for name in theirs if ours.get(name) != theirs[name]] == []
    assert [step for step, _ in ours["events"]] == list(range(1, N_EPOCHS + 1))
    assert not [path for path in folder.rglob(".*") if path.is_file()]
    assert json.loads((folder / "manifest.json").read_text())["status"] == "finished"


def step(folder: Path) -> int:
    """Step of the last checkpoint."""
    state = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    return int(state["global_step"])


def after(epoch: int) -> Callable[[Path], bool]:
    """True once an epoch has been logged."""

    def has_come(folder: Path) -> bool:
        try:
            return len((folder / "metrics.csv").read_text().splitlines()) > epoch
        except FileNotFoundError:
            return False

    return has_come


def saved(number: int, draw: random.Random) -> Callable[[Path], bool]:
    """True soon after a checkpoint of this step or a later one."""
    pause = draw.uniform(0, 0.1)

    def has_come(folder: Path) -> bool:
        has_come = (folder / "checkpoints/last.ckpt").is_file() and step(folder) >= number
        time.sleep(pause if has_come else 0)
        return has_come

    return has_come


def writing(folder: Path) -> bool:
    """True while a checkpoint is half-written and another exists."""
    here = folder / "checkpoints"
    return (here / "previous.ckpt").is_file() and any(here.glob(".*.last.ckpt"))


def in_results(folder: Path) -> bool:
    """True once training has ended."""
    return (folder / "latents.h5").is_file()


def at(seconds: float) -> Callable[[Path], bool]:
    """True after some seconds, counted from the first call."""
    start: list[float] = []

    def has_come(_: Path) -> bool:
        start.append(time.monotonic())
        return start[-1] - start[0] >= seconds

    return has_come


@pytest.mark.slow
def test_a_run_killed_at_any_moment_resumes_to_the_same_results(runs: Runs, uninterrupted):
    complete, seconds = uninterrupted
    draw = random.Random(int(os.environ.get("VAERUN_KILLS_SEED", "0")))
    for kill in range(int(os.environ.get("VAERUN_KILLS", "3"))):
        out = f"out=killed_{kill}"
        n_steps = step(complete)
        moment = [saved(draw.randrange(n_steps), draw), at(draw.uniform(0, seconds))][kill % 2]
        status = runs.stopped(signal.SIGKILL, moment, out)
        assert status in (-signal.SIGKILL, 0)
        if status:
            folder = runs.complete(out, "resume=auto")
            going_on = [line for line in runs.output() if "going on" in line]
            print(f"kill {kill}: {', '.join(going_on) or 'started again'}")
            check_same(folder, complete)


@pytest.mark.slow
def test_a_run_killed_while_it_writes_and_again_in_its_results(runs: Runs, uninterrupted):
    complete, _ = uninterrupted
    out = "out=writing"
    assert runs.stopped(signal.SIGKILL, writing, out) == -signal.SIGKILL
    assert runs.stopped(signal.SIGKILL, in_results, out, "resume=auto") == -signal.SIGKILL
    folder = runs.complete(out, "resume=auto")
    assert folder.name == "version_0"
    assert not any(line.startswith("epoch") for line in runs.output())  # nothing left to train
    check_same(folder, complete)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_stopped_run_saves_its_last_step(runs: Runs, uninterrupted, number: signal.Signals):
    """Even if the next checkpoint is not yet due."""
    complete, _ = uninterrupted
    options = (f"out={number.name}", "trainer.checkpoint_minutes=60")
    assert runs.stopped(number, after(epoch=2), *options) == 130, runs.output()
    assert runs.output()[-1] == "interrupted"
    folder = runs.folder / number.name / "rvae/cards_iv/version_0"
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    saved = step(folder)
    folder = runs.complete(*options, "resume=auto")
    assert f"going on after step {saved:,}" in runs.output()
    check_same(folder, complete)


@pytest.mark.slow
def test_a_broken_checkpoint_is_replaced_by_the_previous(runs: Runs, uninterrupted):
    complete, _ = uninterrupted
    out = "out=broken"
    assert runs.stopped(signal.SIGTERM, after(epoch=1), out) == 130
    last = runs.folder / "broken/rvae/cards_iv/version_0/checkpoints/last.ckpt"
    os.truncate(last, last.stat().st_size // 2)
    folder = runs.complete(out, "resume=auto")
    (message,) = (line for line in runs.output() if "is broken" in line)
    assert message == "checkpoints/last.ckpt is broken: going on from the one before it"
    check_same(folder, complete)
