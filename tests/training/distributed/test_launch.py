"""Several processes that train one network reach the losses of one, through the real command.

On one machine, in a sweep, and on a cluster, simulated by `fake_slurm.py` and by submitit's local
executor.
"""

import contextlib
import csv
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.forks import Command

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).parent / "vaerun"
TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=400",
    "data.val_size=41",
    "data.batch_size=20",
    "model.hidden=[12,10]",
    "model.clustering.templates=2",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
LONG = "trainer.max_epochs=10"
RUN = "outputs/rvae/cards_iv/version_0"
WITHIN = 300.0  # seconds: these tests run beside others
# First job of the simulated cluster, by process: ports follow from the numbers of jobs, and other
# processes run tests of this file at the same time.
JOB = 20 * (1 + os.getpid() % 499)

Start = Callable[..., "subprocess.Popen[str]"]


class Group:
    """A command in several processes that a launcher such as torchrun starts together."""

    def __init__(self, folder: Path, n_ranks: int, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        sizes = {"WORLD_SIZE": str(n_ranks), "LOCAL_WORLD_SIZE": str(n_ranks)}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        self.ranks = [
            Command(
                folder,
                *arguments,
                environment=sizes | address | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(n_ranks)
        ]

    def succeed(self) -> Path:
        """Wait for all, of which none may fail or complain; returns the last run folder."""
        results = [(rank.communicate(WITHIN), rank.returncode) for rank in self.ranks]
        (output, _), _ = results[0]
        assert [(errors, status) for (_, errors), status in results] == [("", 0)] * len(results)
        return self.ranks[0].folder / output.splitlines()[-1].removeprefix("run: ")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts any program in an empty folder."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return lambda *command: subprocess.Popen(command, cwd=tmp_path, **pipes)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Path]:
    """Runs our command with little data, which must succeed; returns its last run folder.

    In one process, which may start others, or in as many as are started for it.
    """

    def complete(*overrides: str, ranks: int = 1) -> Path:
        at = overrides[:1] == ("-m",)
        return Group(tmp_path, ranks, *overrides[:at], *TINY, *overrides[at:]).succeed()

    return complete


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Folder of an uninterrupted long run on one or two CPU processes, trained once for all."""
    folder = tmp_path_factory.mktemp("complete")

    @functools.cache
    def trained(devices: int) -> Path:
        options = (*TINY, LONG, f"trainer.devices={devices}", f"out={devices}")
        return Group(folder, devices, *options).succeed()

    return trained


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN
    while not what():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.02)


def n_epochs(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return len((folder / "metrics.csv").read_text().splitlines()) - 1
    return 0


def losses(folder: Path) -> list[float]:
    """Losses of training and validation, epoch by epoch."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [float(row[f"{split}/loss"]) for row in rows for split in ("train", "val")]


def latents(folder: Path) -> dict[str, Any]:
    with h5py.File(folder / "latents.h5") as file:
        return {name: file[name][()] for name in ("z_mean", "index", "split", "label")}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def check_same(one: Path, other: Path) -> None:
    """Two runs have the same weights and losses to the last bit."""
    ours, theirs = weights(one), weights(other)
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert losses(one) == losses(other)


def followers() -> list[str]:
    """Process ids of the ranks above 0 that were started in this folder."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            here = os.readlink(process / "cwd") == os.getcwd()  # noqa: PTH109, PTH115
            if here and b"vaerun.training.worker" in (process / "cmdline").read_bytes():
                pids.append(process.name)
    return pids


def tree(folder: Path) -> set[str]:
    """All folders, except those within a run."""
    folders = {path for path in folder.rglob("*") if path.is_dir()}
    return {
        str(path.relative_to(folder))
        for path in folders
        if not (path.parent / "config.yaml").exists()
        and not (path.parent.parent / "config.yaml").exists()
    }


def test_two_processes_reach_the_losses_of_one(run, tmp_path):
    """The second is started by the first."""
    one, two = run(), run("trainer.devices=2")
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    ours, theirs = latents(two), latents(one)
    for name in ("index", "split", "label"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_allclose(ours["z_mean"], theirs["z_mean"], atol=0.02)
    assert json.loads((two / "manifest.json").read_text())["device"].startswith("2 × ")
    assert tree(tmp_path) == {
        "outputs",
        "outputs/rvae",
        "outputs/rvae/cards_iv",
        "outputs/rvae/cards_iv/version_0",
        "outputs/rvae/cards_iv/version_1",
    }


def test_two_processes_learn_the_prior_of_one(run):
    """From the q(y | x) of all images of a batch, not of the share of rank 0."""
    at_once = ("objective.pseudo_label_steps=0", "objective.temperature_epochs=0")
    options = ("model=jrvae", "model.clustering.templates=0", *at_once)
    one, two = (
        weights(run(*options, f"trainer.devices={n}", ranks=n))["network.category.prior"]
        for n in (1, 2)
    )
    assert float((one - 0.25).abs().max()) > 0.01
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", ["ssrvae", "crvae"])
def test_pseudo_labels_and_restarts_are_shared_in_a_sweep(run, tmp_path, model):
    """All ranks get the pseudo-labels and the choice among restarts from rank 0."""
    options = ("data.labelled_per_class=5", "model.restarts=2")
    # a learned prior, which has a test of its own, and large steps make more of that noise
    if model == "ssrvae":
        options += ("model.category.prior=uniform", "trainer.learning_rate=0.001")
    words = ("-m", f"model={model}", "trainer.devices=1,2", "model.restart_epochs=1", *options)
    run(*words)
    one, two = (tmp_path / f"outputs/{model}/cards_iv/version_{k}" for k in (0, 1))
    # noise of labelled images differs between ranks, so losses agree only nearly
    assert losses(two) == pytest.approx(losses(one), rel=0.002)
    (name,) = (path.parent.name for path in (tmp_path / "outputs/multirun").glob("*/trials"))
    assert tree(tmp_path) == {
        "outputs",
        "outputs/multirun",
        f"outputs/multirun/{name}",
        f"outputs/multirun/{name}/trials",
        f"outputs/{model}",
        f"outputs/{model}/cards_iv",
        f"outputs/{model}/cards_iv/version_0",
        f"outputs/{model}/cards_iv/version_1",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_resumed_ranks_end_with_the_same_weights(
    run, complete, tmp_path, monkeypatch, number
):
    monkeypatch.chdir(tmp_path)
    options = ("trainer.devices=2", LONG, "trainer.checkpoint_minutes=0.001")
    process = Command(tmp_path, *TINY, *options)
    wait_for(lambda: n_epochs(tmp_path / RUN) >= 2)
    assert followers()
    process.send_signal(number)
    process.communicate(timeout=WITHIN)
    assert process.returncode == (130 if number == signal.SIGTERM else -number)
    wait_for(lambda: not followers())
    assert 2 <= n_epochs(tmp_path / RUN) < 10
    check_same(run(*options, "resume=auto"), complete(2))


def test_too_few_images_for_all_ranks_are_an_error_of_one_line(tmp_path):
    process = Command(tmp_path, *TINY, "trainer.devices=2", "data.batch_size=3")
    output, errors = process.communicate(timeout=WITHIN)
    assert (process.returncode, output) == (2, "")
    assert errors == (
        "error: data.batch_size=3 is too few for 2 devices that train together — "
        "give at least 4, or trainer.devices=1\n"
    )


@pytest.mark.parametrize("devices", [1, 2])
def test_a_trial_preempted_by_submitit_resumes_in_its_folder(complete, tmp_path, devices):
    options = (f"trainer.devices={devices}", LONG)
    launcher = ("hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10")
    process = Command(tmp_path, "-m", *TINY, *options, *launcher)
    wait_for(lambda: n_epochs(tmp_path / RUN) >= 2)
    tasks = subprocess.run(
        ["pgrep", "-f", f"submitit.core._submit {tmp_path}"], capture_output=True, text=True
    ).stdout.split()
    assert len(tasks) == devices
    for pid in tasks:
        os.kill(int(pid), signal.SIGUSR2)
    output, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, output + errors
    (log,) = (tmp_path / "outputs/multirun").glob("*/.submitit/*/*_0_log.out")
    assert log.read_text().count("Starting with JobEnvironment") == 2
    assert "going on after step" in log.read_text()
    assert [path.name for path in (tmp_path / RUN).parent.iterdir()] == ["version_0"]
    check_same(tmp_path / RUN, complete(devices))


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A simulated SLURM cluster; returns its records."""
    books, commands = tmp_path / "books", tmp_path / "bin"
    books.mkdir()
    commands.mkdir()
    for name in ("sbatch", "srun", "scontrol", "sacct"):
        fake = Path(__file__).parent / "fake_slurm.py"
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {fake} {name} "$@"\n')
        (commands / name).chmod(0o755)
    monkeypatch.setenv("FAKE_SLURM", str(books))
    monkeypatch.setenv("FAKE_SLURM_JOB", str(JOB))
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("VAERUN", str(PROGRAM))
    return books


def test_a_job_out_of_time_on_two_nodes_resumes_in_its_folder(start, complete, tmp_path, slurm):
    """Submitted by scripts/slurm.sh, which requeues it once."""
    script = str(ROOT / "scripts/slurm.sh")
    start("sbatch", "--nodes=2", script, *TINY, LONG).communicate(timeout=WITHIN)
    wait_for(lambda: n_epochs(tmp_path / RUN) >= 2)
    os.kill(int((slurm / f"{JOB}.pid").read_text()), signal.SIGUSR1)
    wait_for((slurm / f"{JOB}.ended").exists)
    assert (slurm / f"{JOB}.ended").read_text() == "0", (slurm / f"{JOB}.out").read_text()
    assert (slurm / "log").read_text().splitlines() == [f"sbatch {JOB}", f"scontrol requeue {JOB}"]
    assert "going on after step" in (slurm / f"{JOB}.out").read_text()
    assert [path.name for path in (tmp_path / RUN).parent.iterdir()] == ["version_0"]
    manifest = json.loads((tmp_path / RUN / "manifest.json").read_text())
    assert (manifest["status"], manifest["device"][:4]) == ("finished", "2 × ")
    check_same(tmp_path / RUN, complete(2))


def test_a_sweep_is_an_array_of_the_script(start, tmp_path, slurm):
    typed = ("-m", *TINY, "model=rvae,vae", "sweep.name=array")
    script = str(ROOT / "scripts/slurm.sh")
    start("sbatch", "--array=1-2%1", script, *typed).communicate(timeout=WITHIN)
    wait_for(lambda: len(list(slurm.glob("*.ended"))) == 2)
    with (tmp_path / "outputs/multirun/array/table.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["finished", "finished"]


def test_the_launcher_submits_its_options(tmp_path, slurm):
    options = ("trainer.devices=2", "trainer.nodes=1", "seed=0,1")
    asked = ("partition=gpu", "constraint=a100", "timeout_min=90", "array_parallelism=3")
    launcher = ("hydra/launcher=slurm", *(f"hydra.launcher.{text}" for text in asked))
    process = Command(tmp_path, "-m", *TINY, *options, *launcher)
    output, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, output + errors
    submitted = dict(
        line.split("=", 1) for line in (slurm / f"{JOB}.options").read_text().splitlines()
    )
    want = {
        "partition": "gpu",
        "constraint": "a100",
        "time": "90",
        "array": "0-1%2",
        "nodes": "1",
        "ntasks-per-node": "2",
        "signal": "USR2@120",
        "requeue": "",
    }
    assert want.items() <= submitted.items()
    assert "gpus-per-node" not in submitted  # on CPUs
    assert sorted(path.name for path in (tmp_path / RUN).parent.iterdir()) == [
        "version_0",
        "version_1",
    ]
    assert json.loads((tmp_path / RUN / "metrics.json").read_text())["n_val"] == 41
