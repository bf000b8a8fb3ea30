"""Judge the checks of a run on runs that are known to be good, or to fail in a known way.

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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from vaerun.geometry import rotate
from vaerun.runs.folder import read_config
from vaerun.runs.inherited_overrides import read_overrides
from vaerun.runs.run import load
from vaerun.tasks.verdict import as_json, find
from vaerun.training.context import load_splits
from vaerun.training.trained_model import TrainedModel
from vaerun.utils.files import write_text
from vaerun.utils.format import markdown_table

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
        for name, values in {"right": angle, "clockwise": -angle}.items():
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


def train(folder: Path, case: Case, words: Sequence[str]) -> Path:
    """Run a command into a folder, unless that has been done; returns the run folder."""
    done = sorted(folder.glob("*/*/version_*/metrics.json"))
    if not done:
        command = [sys.executable, "-m", "vaerun", *words]
        log = folder.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as file:
            code = subprocess.run(
                [*command, f"out={folder}", "trainer.progress=false"],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                check=False,
            ).returncode
        if code:
            raise SystemExit(f"{case.name} ended with status {code}: see {log}")
        done = sorted(folder.glob("*/*/version_*/metrics.json"))
    return done[-1].parent


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The checks of a case's run, and of the run that the first mend names."""

    case: Case
    checks: dict[str, Any]
    mended: dict[str, Any] | None = None

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed, in order."""
        return [name for name, check in self.checks.items() if check["passed"] is False]

    @property
    def is_named(self) -> bool:
        """Whether one of the checks that should fail does."""
        return bool(set(self.case.fails) & set(self.failed))

    @property
    def helped(self) -> bool | None:
        """Whether the check whose mend was tried passes then; None where none was tried."""
        return None if self.mended is None else self.mended[self.failed[0]]["passed"] is not False


def judge(case: Case, out: Path, *, mends: bool) -> Outcome:
    """Train a case unless that has been done, and check it as the code is now."""
    checks = checks_of(train(out / case.name, case, shlex.split(case.overrides)))
    first = next((check["mend"] for check in checks.values() if check["mend"]), "")
    if not (mends and case.fails and first):
        return Outcome(case=case, checks=checks)
    again = train(out / f"{case.name}_mended", case, shlex.split(first)[1:])
    return Outcome(case=case, checks=checks, mended=checks_of(again))


def checks_of(folder: Path) -> dict[str, Any]:
    """The checks of a finished run, made again."""
    run = load(folder)
    splits = load_splits(run.config)
    trained = TrainedModel.of_run(run.network, run.folder)
    findings, _, _ = find(read_config(run.folder), splits, trained, run.latents)
    return as_json(findings, read_overrides(run.folder))


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as Markdown, and what they come to."""
    rows = []
    for o in outcomes:
        right = not o.failed if not o.case.fails else o.is_named
        helped = {True: "helps", False: "does not", None: ""}[o.helped]
        should, does = " or ".join(o.case.fails) or "none", ", ".join(o.failed) or "none"
        rows.append([o.case.name, should, does, "✓" if right else "✗", helped])
    good = [o for o in outcomes if not o.case.fails]
    bad = [o for o in outcomes if o.case.fails]
    tried = [o.helped for o in bad if o.helped is not None]
    summary = [
        _share("failures found", [bool(o.failed) for o in bad]),
        _share("failures named rightly", [o.is_named for o in bad]),
        _share("false alarms among good runs", [bool(o.failed) for o in good]),
        _share("mends that lift the failure", [bool(one) for one in tried]),
    ]
    return (
        markdown_table(["run", "should fail", "fails", "", "mend"], rows) + "\n" + "".join(summary)
    )


def _share(name: str, which: Sequence[bool]) -> str:
    return f"{name}: {sum(which)} of {len(which)}\n" if which else ""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help="names of cases; without any, all")
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--out", type=Path, default=Path("outputs/judge_checks"))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--mends", action="store_true", help="also run what the checks advise")
    asked = parser.parse_args()
    files = asked.out / "files"
    make_files(files)
    cases = [c for c in read_cases(asked.half, files.resolve())
             if not asked.cases or c.name in asked.cases]  # fmt: skip
    out = asked.out / asked.half
    with ThreadPoolExecutor(asked.jobs) as pool:
        outcomes = list(pool.map(lambda case: judge(case, out, mends=asked.mends), cases))
    page = table(outcomes)
    write_text(asked.out / f"{asked.half}.md", page)
    print(page)


if __name__ == "__main__":
    main()
