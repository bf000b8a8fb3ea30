"""The checks of a run: made, completed by the command that mends each failure, and printed."""

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from vaerun.config.overrides import split_override
from vaerun.data.image_set import Splits
from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.evaluation.checks.finding import Finding, summary_line
from vaerun.evaluation.checks.predicting_run import PredictingRun
from vaerun.evaluation.checks.registry import CHECKS, check_run
from vaerun.evaluation.checks.reward import Reward, reward
from vaerun.evaluation.metrics.truth_convention import converted
from vaerun.models.encodings import Encodings
from vaerun.training.trained_model import TrainedModel

_NOT_AGAIN = ("resume", "run", "task", "out")  # what a new training does not take over
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}


class Verdict(NamedTuple):
    """What was found, and encodings and splits with true poses by our convention."""

    findings: dict[str, Finding]
    reward: Reward
    encodings: Encodings
    splits: Splits


def find(
    plain: Mapping[str, Any], splits: Splits, trained: TrainedModel, encodings: Encodings
) -> Verdict:
    """Make all checks of a run."""
    rows = trained.rows if trained.on_own_images else ()
    kind = PredictingRun if trained.network.variant.predicts else CheckedRun
    checked = kind.of(trained.network, splits, encodings, rows, plain, trained.seed)
    for convention in checked.conventions:
        if convention.factor == "angle" and splits.classes:
            symmetry = [math.lcm(own, convention.symmetry) for own in splits.symmetry]
            splits = dataclasses.replace(splits, symmetry=symmetry)
    findings = check_run(checked)
    return Verdict(
        findings=findings,
        reward=reward(checked, findings),
        encodings=converted(encodings, checked.conventions),
        splits=splits,
    )


def as_json(findings: Mapping[str, Finding], overrides: Sequence[str]) -> dict[str, Any]:
    """Entry ``checks`` of `metrics.json`: each mend as a whole command.

    ``overrides`` are those that the model was trained with.
    """
    entries = {name: finding.to_json(CHECKS[name].title) for name, finding in findings.items()}
    for entry in entries.values():
        if entry["mend"]:
            entry["mend"] = mended_command(overrides, shlex.split(entry["mend"]))
    return entries


def metrics(found: Verdict, checks: Mapping[str, Any]) -> dict[str, Any]:
    """Entries ``verdict``, ``checks`` and ``reward`` of `metrics.json`.

    ``checks`` are the findings with their commands.
    """
    made = [check["passed"] for check in checks.values() if check["passed"] is not None]
    return {
        "verdict": {"made": len(made), "failed": made.count(False)},
        "checks": dict(checks),
        "reward": found.reward.to_json(),
    }


def mended_command(overrides: Sequence[str], mend: Sequence[str]) -> str:
    """The command of a run with some overrides changed or added.

    Examples
    --------
    >>> mended_command(["model=vae", "data=mnist", "seed=1"], ["model=rvae"])
    'vaerun model=rvae data=mnist seed=1'
    """
    # of a key that was typed twice the last word holds
    own = {split_override(word)[0]: word for word in overrides}
    own |= {split_override(word)[0]: word for word in mend}
    return shlex.join(["vaerun", *(word for key, word in own.items() if key not in _NOT_AGAIN)])


def print_checks(console: Console, checks: Mapping[str, Mapping[str, Any]]) -> None:
    """Print how many checks passed, and each that failed with its evidence and mend."""
    if not checks:
        return
    console.print(Text.assemble(("Checks  ", "bold"), summary_line(checks)), soft_wrap=True)
    for check in checks.values():
        if check["passed"] is False:
            mark, colour = _MARKS[check["passed"]]
            line = Text.assemble((f"{mark} {check['title']}: ", colour), check["text"])
            console.print(line, soft_wrap=True)
    mend = next((c["mend"] for c in checks.values() if c["mend"]), "")
    if mend:  # the first: one that was not trained long enough fails others too
        console.print(Text.assemble(("Try     ", "bold"), mend), soft_wrap=True)
