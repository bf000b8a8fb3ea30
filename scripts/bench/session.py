"""A running benchmark: its sizes, its images, and processes that are measured from outside."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.judge import angle_error_deg, images_per_second
from bench.patches import draw_patches
from bench.sizes import Sizes

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS, STAND_IN = ROOT / "scripts", ROOT / "scripts" / "bench" / "stand_in"
SIDE = 48  # of images, pixels, where it is not varied
PEERS = {"pyroved": "pyroVED", "atomai": "AtomAI"}

Reading = dict[str, Any]  # numbers of one process; {"failed": why} if it failed


class Unavailable(Exception):
    """Reason why something cannot be measured on this machine."""


@dataclass(frozen=True)
class Ended:
    """A process that succeeded: its start, duration and peak memory."""

    began: float
    seconds: float
    peak_mb: float


@dataclass
class Session:
    """Folder, environment and state of a benchmark.

    Attributes
    ----------
    folder
        For logs, images and runs.
    peers_python
        The interpreter of the peers' environment.
    threads
        Threads of every process.
    sizes
        How much work is done.
    round_number
        From 0; the seed of everything random in that round.
    """

    folder: Path
    peers_python: Path
    threads: int
    sizes: Sizes
    round_number: int = 0
    about: dict[str, Any] = field(default_factory=dict)  # of the machine, as `bench.draw` sees it
    versions: dict[str, dict[str, str]] = field(default_factory=dict)  # of each peer

    def images(self, side: int = SIDE) -> Path:
        """The file with the images of this round, drawn by vaerun if it is missing."""
        kind = f"{self.round_number}" if side == SIDE else f"{self.round_number}_{side}px"
        file, about = self.folder / f"images_{kind}.npz", self.folder / f"images_{kind}.json"
        if not file.is_file() or not about.is_file():
            n = self.sizes.images if side == SIDE else self.sizes.scales.peer_images
            words = [str(file), str(about), *self.data_words(n, side=side)]
            self.ours("draw", words, module="bench.draw")
        if side == SIDE:
            self.about |= json.loads(about.read_text())
        return file

    def machine(self) -> Mapping[str, Any]:
        """Processor and versions as vaerun reports them when it draws the images."""
        if not self.about:
            self.images()
        return self.about

    def data_words(
        self, n_images: int, *, side: int = SIDE, n_held_out: int | None = None
    ) -> list[str]:
        """Overrides with which vaerun draws the first `n_images` of the images of this round."""
        held_out = n_held_out or self.sizes.held_out
        return ["data=cards_iv", f"data.size={side}", f"data.train_size={n_images}",
                f"data.val_size={held_out}", "data.repeats=1",
                f"seed={self.round_number}"]  # fmt: skip

    def ours(self, name: str, words: Sequence[str], *, module: str = "vaerun") -> Ended:
        """Run a process in the environment of vaerun."""
        return self._run(name, [sys.executable, "-m", module, *words], [SCRIPTS, ROOT])

    def training(
        self,
        name: str,
        words: Sequence[str],
        *,
        n_images: int,
        model: str = "rvae",
        side: int = SIDE,
        n_held_out: int | None = None,
        angles: bool = False,
    ) -> Reading:
        """Train with the vaerun command on the first images of the round, without results.

        Attributes of the reading: ``images_per_second`` of the steps, and ``epochs`` with the
        seconds since the command and since training began, ``loss`` and ``angle_error_deg``.
        """
        self.images()
        notes = self.folder / name / "notes.json"
        flags = ["--only-training", *(["--angles"] if angles else [])]
        drawn = self.data_words(n_images, side=side, n_held_out=n_held_out)
        words = [*flags, str(notes), f"model={model}", *drawn, *words]
        ended = self.ours(name, words, module="bench.probe")
        noted = json.loads(notes.read_text())
        if noted.get("fingerprint", self.about["fingerprint"]) != self.about["fingerprint"]:
            raise Unavailable("vaerun has drawn other images than those of the peers")
        return self._reading(ended, noted, noted["training_began"], n_images, notes)

    def patches(self) -> Path:
        """A file of patches, the same for all rounds."""
        file = self.folder / f"patches_{self.sizes.patches}.npy"
        if not file.is_file():
            draw_patches(file, self.sizes.patches)
        return file

    def peer(
        self,
        name: str,
        peer: str,
        n_images: int,
        epochs: int,
        *,
        held_out: int = 0,
        batch: int | None = None,
        side: int = SIDE,
        latents: int = 2,
    ) -> Reading:
        """Train a peer on the same images; the reading is like that of `training`."""
        notes = self.folder / name / "notes.json"
        if not self.peers_python.is_file():
            raise Unavailable(f"{PEERS[peer]} is not installed: {self.peers_python} is missing")
        batch = batch or self.sizes.batch
        words = [peer, str(self.images(side)), str(notes), f"--images={n_images}",
                 f"--epochs={epochs}", f"--batch={batch}", f"--held-out={held_out}",
                 f"--seed={self.round_number}", f"--latents={latents}"]  # fmt: skip
        command = [str(self.peers_python), "-W", "ignore", "-m", "bench.peers", *words]
        ended = self._run(name, command, [STAND_IN, SCRIPTS])
        noted = json.loads(notes.read_text())
        self.versions[peer] = noted["versions"]
        return self._reading(ended, noted, noted["epochs"][0]["began"], n_images, notes)

    def _reading(
        self, ended: Ended, noted: Reading, training_began: float, n_images: int, notes: Path
    ) -> Reading:
        """The notes of a process, in seconds since its start and since training began."""
        epochs = [
            {
                "since_start": epoch["ended"] - ended.began,
                "since_training": epoch["ended"] - training_began,
                **{key: epoch[key] for key in ("steps_seconds", "loss") if key in epoch},
            }
            for epoch in noted["epochs"]
        ]
        angles = notes.with_suffix(".npy")
        if angles.is_file() and np.load(angles).size:
            for epoch, angle in zip(epochs[::-1], np.load(angles)[::-1], strict=False):
                epoch["angle_error_deg"] = self._angle_error_deg(angle)
        if "loss" in noted:
            epochs[-1]["loss"] = noted["loss"]
        kept = ("parameters", "precision", "threads")
        reading = {key: noted[key] for key in kept if key in noted}
        reading |= {"peak_mb": ended.peak_mb, "epochs": epochs}
        if len(epochs) > 1:
            reading["images_per_second"] = images_per_second(n_images, epochs)
        return reading

    def _angle_error_deg(self, angle: np.ndarray) -> float:
        """Angle error on the first held-out images of the round."""
        n = len(angle)
        with np.load(self.images()) as known:
            truth, label = known["angle"][:n], known["label"][:n]
            return angle_error_deg(angle, truth, label, known["symmetry"])

    def _run(self, name: str, command: Sequence[str], path: Sequence[Path]) -> Ended:
        """Run a process in an empty folder of its own; its output goes to a log there.

        Raises
        ------
        Unavailable
            If it fails.
        """
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = folder / "log.txt"
        with log.open("wb") as stream:
            began = time.monotonic()
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                cwd=folder, env=self._environment(path),
            )  # fmt: skip
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:
                child.kill()
                child.wait()
                raise
            seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said = log.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(said) if line.strip()), "no output")
            raise Unavailable(f"{name} failed with status {child.returncode}: {last.strip()}")
        per_mb = 2**20 if sys.platform == "darwin" else 2**10
        return Ended(began, seconds, usage.ru_maxrss / per_mb)

    def _environment(self, path: Sequence[Path]) -> Mapping[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(map(str, path)),
                "CUDA_VISIBLE_DEVICES": ""}  # fmt: skip
