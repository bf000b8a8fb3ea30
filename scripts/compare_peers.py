"""Classes that the joint models of pyroVED and AtomAI find, and ours, on the same images.

python scripts/compare_peers.py --peers .venv-bench/bin/python --seconds 600 --out outputs/peers

Settings are those of `particles_*` in `scripts/reproduce.py`, and cards iii. A peer has so many
seconds of processor time on one thread; ours is the command of that row, which ends by itself.
`scripts/bench/run.sh` makes the environment of the peers. What is in `--out` is not run again.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from bench.session import STAND_IN
from reproduction.particles import SETTINGS, outlines_of

from vaerun.evaluation.metrics.clustering import agreement
from vaerun.utils.format import markdown_table

SCRIPTS = Path(__file__).resolve().parent
PEERS = ("pyroved", "atomai")
CARDS = "cards_iii"
CASES = ("clean", "background", "moderate", CARDS)
HEADER = ("images", "seed", "pyroVED", "AtomAI", "ours", "seconds of ours")


def words_of(case: str, seed: int) -> list[str]:
    """Overrides of the images of a case."""
    if case == CARDS:
        return ["data=cards_iii", f"seed={seed}"]
    setting = next(setting for setting in SETTINGS if setting.name == case)
    outlines = ",".join(outlines_of(setting, seed))
    kept = [word for word in setting.overrides if word.startswith("data.")]
    return ["data=particles", *kept, f"data.outlines=[{outlines}]", f"seed={seed}"]


def invariances_of(case: str) -> list[str]:
    """Overrides of the invariances of a case, none for rotation alone."""
    if case == CARDS:
        return []
    setting = next(setting for setting in SETTINGS if setting.name == case)
    return [word for word in setting.overrides if word.startswith("model.invariances")]


class Comparison:
    """One case and seed: its images, and the classes that each finds."""

    def __init__(self, case: str, seed: int, asked: argparse.Namespace) -> None:
        self.case, self.seed, self.asked = case, seed, asked
        self.folder = asked.out / f"{case}_{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "images.npz"

    def run(self, python: str, *words: str) -> None:
        """Run a module of `scripts`, or vaerun, with this Python, on one thread."""
        places = (SCRIPTS, STAND_IN) if python == self.asked.peers else (SCRIPTS, SCRIPTS.parent)
        path = os.pathsep.join(map(str, places))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        subprocess.run([python, "-m", *words], check=True, env=environment, cwd=self.folder)

    def draw(self) -> None:
        """Draw the images into a file."""
        if not self.file.exists():
            words = words_of(self.case, self.seed)
            self.run(sys.executable, "bench.draw", str(self.file), "about.json", *words)

    def peer(self, name: str) -> float:
        """Accuracy of a peer, one to one."""
        classes = self.folder / f"{name}.npy"
        with np.load(self.file) as images:
            label = images["label"]
        if not classes.exists():
            letters = "".join(
                c for w in invariances_of(self.case) for c in w.split("=")[1] if c in "rts"
            )
            self.run(
                self.asked.peers, "bench.joint_peers", name, str(self.file), str(classes),
                "--seconds", str(self.asked.seconds), "--classes", str(label.max() + 1),
                "--seed", str(self.seed), "--invariances", letters or "r",
            )  # fmt: skip
        return agreement(np.load(classes), label)["hungarian"]

    def ours(self) -> tuple[float, float]:
        """Accuracy of ours, and the seconds of processor time of its command, to the report."""
        folder, notes = self.folder / "ours", self.folder / "ours.json"
        if not notes.exists():
            before = os.times().children_user
            preset = "jrvae_cards_iii" if self.case == CARDS else "jrvae_particles"
            words = [*words_of(self.case, self.seed), *invariances_of(self.case)]
            words = [word for word in words if not word.startswith("data=")]
            self.run(
                sys.executable, "vaerun", f"experiment=best/{preset}", f"out={folder}", *words
            )
            notes.write_text(json.dumps(os.times().children_user - before))
        metrics = json.loads(next(folder.rglob("metrics.json")).read_text())
        return metrics["clustering"]["hungarian"], json.loads(notes.read_text())

    def row(self) -> list[str]:
        """Row of the table."""
        self.draw()
        accuracies = [f"{100 * self.peer(name):.1f} %" for name in PEERS]
        ours, seconds = self.ours()
        return [self.case, str(self.seed), *accuracies, f"{100 * ours:.1f} %", f"{seconds:.0f}"]


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True, help="Python of the peers' environment")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    asked.out = asked.out.resolve()
    all_of = [Comparison(case, seed, asked) for seed in asked.seeds for case in asked.cases]
    with ThreadPoolExecutor(asked.jobs) as pool:
        rows = list(pool.map(Comparison.row, all_of))
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
