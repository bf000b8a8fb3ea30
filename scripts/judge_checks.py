"""Judge the checks of a run on runs that are known to be good, or to fail in a known way.

python scripts/judge_checks.py --draw limits                   # limits are set on this draw
python scripts/judge_checks.py --draw report                   # and judged on this one
python scripts/judge_checks.py --draw fresh                    # and on this, made when all was set
python scripts/judge_checks.py --draw report --mends           # also runs what the checks advise

The draws share no images, and differ in outlines, sizes and data sets. Finished runs in
`--out` are not run again. What is not certain to go as meant is judged only if true values say
that it did: `holds` of a case is a condition on `metrics.json`, of which the checks know nothing.
"""

import argparse
import dataclasses
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from rich.console import Console

from vaerun.config.compose import compose
from vaerun.geometry import rotate
from vaerun.models.inference import encode_splits
from vaerun.runs.config import validate
from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.inherited_overrides import read_overrides
from vaerun.runs.run import load
from vaerun.tasks.trial import TrialRunner
from vaerun.tasks.verdict import as_json, find
from vaerun.training.context import load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel
from vaerun.utils.files import write_text
from vaerun.utils.format import markdown_table

CASES = Path(__file__).parent / "reproduction" / "check_cases.yaml"
DRAWS = ("limits", "report", "fresh")
N_IMAGES = 2500  # of a made file


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run, and the checks of which at least one should fail; none for a good run.

    Attributes
    ----------
    holds
        Condition on `metrics.json` that shows by true values that the run fails, or is good.
    is_doubtful
        Whether it does not hold: then the run counts neither way.
    """

    name: str
    overrides: str
    fails: tuple[str, ...] = ()
    holds: str = ""
    is_doubtful: bool = False


def read_cases(draw: str, files: Path) -> list[Case]:
    """The cases of a draw, with the words in braces filled in; ``files`` is for made images."""
    page = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    words = {name: values[DRAWS.index(draw)] for name, values in page["words"].items()}
    words |= {"files": str(files)}
    for _ in range(2):  # a word may hold others
        words = {name: str(value).format_map(words) for name, value in words.items()}
    return [
        Case(
            name=name,
            overrides=entry["run"].format_map(words),
            fails=tuple(entry.get("fails", "").split()),
            holds=entry.get("holds", ""),
        )
        for name, entry in page["cases"].items()
    ]


def make_files(folder: Path) -> None:
    """Images of turned letters with angles of several conventions, and images of noise alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, draw in enumerate(DRAWS):
        rng = np.random.default_rng(number)
        angle = rng.uniform(-np.pi, np.pi, N_IMAGES).astype(np.float32)
        images = _letters(draw, torch.from_numpy(angle))
        images = images + rng.normal(0, 0.1, images.shape).astype(np.float32)
        for name, values in {"right": angle, "clockwise": -angle}.items():
            np.savez(folder / f"{draw}_{name}.npz", images=images, angle=values)
        noise = rng.normal(0.5, 0.1, (N_IMAGES, 32, 32)).astype(np.float32)
        np.save(folder / f"{draw}_noise.npy", noise)


def _letters(draw: str, angle: torch.Tensor) -> np.ndarray:
    """An F, an L or a P (N, 32, 32), turned counter-clockwise by each angle (N,)."""
    letter = torch.zeros(1, 1, 32, 32)
    letter[..., 8:25, 11:14] = 1
    if draw == "limits":
        letter[..., 8:11, 11:22] = letter[..., 15:18, 11:19] = 1
    elif draw == "report":
        letter[..., 22:25, 11:22] = 1
    else:
        letter[..., 8:17, 11:21] = 1
    return rotate(letter.expand(len(angle), -1, -1, -1), angle)[:, 0].numpy()


def train(folder: RunFolder, words: Sequence[str]) -> None:
    """Train a setting in a folder, without figures, unless that has been done."""
    if folder.metrics_json.is_file():
        return
    quiet = ["trainer.progress=false"]
    hardware = Hardware.find(validate(compose([*quiet, *words])).trainer)
    runner = TrialRunner(quiet, hardware, Console(quiet=True))
    runner.run(runner.request(words), folder)


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
    folder = RunFolder(out / case.name)
    train(folder, shlex.split(case.overrides))
    checks = checks_of(folder)
    if case.holds and not holds(case.holds, json.loads(folder.metrics_json.read_text("utf-8"))):
        print(f"{case.name}: {case.holds} does not hold, so it counts neither way")
        case = dataclasses.replace(case, fails=(), is_doubtful=True)
    first = next((check["mend"] for check in checks.values() if check["mend"]), "")
    if not (mends and case.fails and first):
        return Outcome(case=case, checks=checks)
    again = RunFolder(out / f"{case.name}_mended")
    train(again, shlex.split(first)[1:])
    return Outcome(case=case, checks=checks, mended=checks_of(again))


def holds(condition: str, metrics: Mapping[str, Any]) -> bool:
    """Whether a condition holds: of classes ``angle.resultant<0.8`` for any, ``>0.8`` for all."""
    path, sense, limit = re.fullmatch(r"([\w.]+)([<>])([\d.]+)", condition).groups()  # type: ignore[union-attr]
    for name in path.split("."):
        metrics = metrics[name]
    values = np.atleast_1d(np.array(metrics, float))
    return bool((values < float(limit)).any() if sense == "<" else (values > float(limit)).all())


def checks_of(folder: RunFolder) -> dict[str, Any]:
    """The checks of a finished run, made again."""
    run = load(folder.path)
    splits = load_splits(run.config)
    trained = TrainedModel.of_run(run.network, folder)
    encodings = encode_splits(run.network, splits)
    found = find(read_config(folder), splits, trained, encodings)
    return as_json(found.findings, read_overrides(folder))


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as Markdown, and what they come to."""
    rows = []
    for o in outcomes:
        right = not o.failed if not o.case.fails else o.is_named
        mark = "?" if o.case.is_doubtful else "✓" if right else "✗"
        helped = {True: "helps", False: "does not", None: ""}[o.helped]
        should, does = " or ".join(o.case.fails) or "none", ", ".join(o.failed) or "none"
        rows.append([o.case.name, should, does, mark, helped])
    good = [o for o in outcomes if not o.case.fails and not o.case.is_doubtful]
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
    parser.add_argument("--draw", choices=DRAWS, default="report")
    parser.add_argument("--out", type=Path, default=Path("outputs/judge_checks"))
    parser.add_argument("--mends", action="store_true", help="also run what the checks advise")
    asked = parser.parse_args()
    files = asked.out / "files"
    make_files(files)
    cases = [c for c in read_cases(asked.draw, files.resolve())
             if not asked.cases or c.name in asked.cases]  # fmt: skip
    out = asked.out / asked.draw
    outcomes = []
    for case in cases:
        outcome = judge(case, out, mends=asked.mends)
        print(case.name, "fails:", ", ".join(outcome.failed) or "none", flush=True)
        outcomes.append(outcome)
    page = table(outcomes)
    write_text(asked.out / f"{asked.draw}.md", page)
    print(page)


if __name__ == "__main__":
    main()
