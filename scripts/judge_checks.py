"""Judge the checks of a run on runs that are known to be good, or to fail in a known way.

python scripts/judge_checks.py --list
python scripts/judge_checks.py --half limits --jobs 2          # limits are set on this half
python scripts/judge_checks.py --half report --jobs 2          # and judged on this one
python scripts/judge_checks.py --half report --mends           # also runs what the checks advise

The halves share no draw of images, and differ in models, outlines and sizes. Finished runs in
`--out` are not run again.
"""

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml

from vaerun.geometry import rotate

CASES = Path(__file__).parent / "reproduction" / "check_cases.yaml"
HALVES = ("limits", "report")
N_IMAGES = 2500  # of a made file


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run, and the checks of which at least one should fail; none for a good run."""

    name: str
    overrides: str
    fails: tuple[str, ...] = ()


def read_cases(half: str, files: Path) -> list[Case]:
    """The cases of a half, with the words in braces filled in; ``files`` is for made images."""
    page = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    words = {name: values[HALVES.index(half)] for name, values in page["words"].items()}
    words |= {"files": str(files)}
    for _ in range(2):  # a word may hold others
        words = {name: str(value).format_map(words) for name, value in words.items()}
    return [
        Case(
            name=name,
            overrides=entry["run"].format_map(words),
            fails=tuple(entry.get("fails", "").split()),
        )
        for name, entry in page["cases"].items()
    ]


def make_files(folder: Path) -> None:
    """Images of turned letters with angles of several conventions, and images of noise alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, half in enumerate(HALVES):
        rng = np.random.default_rng(number)
        angle = rng.uniform(-np.pi, np.pi, N_IMAGES).astype(np.float32)
        images = _letters(half, torch.from_numpy(angle))
        images = images + rng.normal(0, 0.1, images.shape).astype(np.float32)
        wide = np.where(angle < 0, angle + 2 * np.pi, angle)
        for name, values in {
            "right": angle, "clockwise": -angle, "degrees": np.rad2deg(wide),
        }.items():  # fmt: skip
            np.savez(folder / f"{half}_{name}.npz", images=images, angle=values)
        noise = rng.normal(0.5, 0.1, (N_IMAGES, 32, 32)).astype(np.float32)
        np.save(folder / f"{half}_noise.npy", noise)


def _letters(half: str, angle: torch.Tensor) -> np.ndarray:
    """An F or an L (N, 32, 32), turned counter-clockwise by each angle (N,)."""
    letter = torch.zeros(1, 1, 32, 32)
    letter[..., 8:25, 11:14] = 1
    if half == "limits":
        letter[..., 8:11, 11:22] = letter[..., 15:18, 11:19] = 1
    else:
        letter[..., 22:25, 11:22] = 1
    return rotate(letter.expand(len(angle), -1, -1, -1), angle)[:, 0].numpy()


def run_folder(out: Path, half: str, case: Case) -> Path:
    """Where the run of a case is, once it has finished."""
    return out / half / case.name


def train(out: Path, half: str, case: Case, overrides: str = "") -> Path:
    """Run a case unless it has been run; returns its run folder."""
    folder = run_folder(out, half, case)
    done = sorted(folder.glob("*/*/version_*/metrics.json"))
    if not done:
        words = shlex.split(f"{case.overrides} {overrides} out={folder} trainer.progress=false")
        log = folder.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as file:
            code = subprocess.run(
                [sys.executable, "-m", "vaerun", *words],
                stdout=file, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"},
                check=False,
            ).returncode  # fmt: skip
        if code:
            raise SystemExit(f"{case.name} ended with status {code}: see {log}")
        done = sorted(folder.glob("*/*/version_*/metrics.json"))
    return done[-1].parent


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--out", type=Path, default=Path("outputs/judge_checks"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("cases", nargs="*")
    asked = parser.parse_args()
    files = asked.out / "files"
    make_files(files)
    cases = [c for c in read_cases(asked.half, files.resolve())
             if not asked.cases or c.name in asked.cases]  # fmt: skip
    with ThreadPoolExecutor(asked.jobs) as pool:
        folders = list(pool.map(lambda case: train(asked.out, asked.half, case), cases))
    print(*folders, sep="\n")


if __name__ == "__main__":
    main()
