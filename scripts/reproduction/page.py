"""The comparison: every measure over its seeds, as a Markdown page and as JSON."""

import dataclasses
import datetime
import json
import operator
import os
import platform
import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduction.measures import REDUCTIONS, extract, goal, shown
from reproduction.row import Measure, Row
from reproduction.runner import Outcome
from vaerun.evaluation.headline import not_none
from vaerun.utils.errors import UserError
from vaerun.utils.provenance import git_revision, package_versions

OURS = "ours (mean ± sd over n seeds)"
Before = Mapping[tuple[str, str], str]  # result and measure on an earlier page → our value


@dataclass(frozen=True)
class Line:
    """One measure over the seeds of its row: a line of the table.

    A value is None where the run failed or has no such number, and `passed` then False; `sd` is
    that of the sample, None below two values; `judged` is the mean, or the least or largest value
    where the measure asks for it; `passed` is None where there is no target.
    """

    row: Row
    measure: Measure
    outcomes: Sequence[Outcome]
    values: Sequence[float | None]
    mean: float | None
    sd: float | None
    judged: float | None
    passed: bool | None


def over_seeds(row: Row, measure: Measure, outcomes: Sequence[Outcome]) -> Line:
    """The values of a measure, their mean and sd, and whether they reach the target."""
    values = [extract(outcome.metrics, measure.path) for outcome in outcomes]
    numbers = not_none(values)
    mean = statistics.mean(numbers) if numbers else None
    sd = statistics.stdev(numbers) if len(numbers) > 1 else None
    judged = REDUCTIONS[measure.over](numbers) if numbers else None
    passed = None if measure.target is None else False
    if measure.target is not None and judged is not None and None not in values:
        reaches = operator.ge if measure.direction == ">=" else operator.le
        passed = reaches(judged, measure.target)
    return Line(row, measure, outcomes, values, mean, sd, judged, passed)


def _ours(line: Line) -> str:
    """Mean ± sd with the number of seeds that have a value, and of all if some have none.

    Where not the mean is judged, the least or largest value.
    """
    if line.mean is None:
        return "–"
    n, asked = len(not_none(line.values)), len(line.values)
    count = f"n = {n}{'' if n == asked else f' of {asked}'}"
    if line.measure.over != "mean":
        return f"{shown(line.measure, line.judged)} ({line.measure.over} of {count})"
    mean = shown(line.measure, line.mean, unit=line.sd is None)
    spread = "" if line.sd is None else f" ± {shown(line.measure, line.sd)}"
    return f"{mean}{spread} ({count})"


def _cells(line: Line, before: Before | None) -> list[str]:
    """The cells of a line of the table, in the order of its head in `markdown`."""
    each = [
        "failed" if outcome.folder is None else shown(line.measure, value, unit=False)
        for outcome, value in zip(line.outcomes, line.values, strict=True)
    ]
    dims = not_none([outcome.metrics.get("latent_dim") for outcome in line.outcomes])
    seconds = not_none([outcome.seconds for outcome in line.outcomes])
    name = f"`{line.row.name}`"
    return [
        f"{name} ({dims[0] if dims else '–'})",
        line.measure.title,
        line.measure.paper,
        goal(line.measure),
        *([] if before is None else [before.get((name, line.measure.title), "–")]),
        _ours(line),
        ", ".join(each),
        f"{statistics.mean(seconds) / 60:.1f}" if seconds else "–",
        {True: "✓", False: "✗", None: "–"}[line.passed],
    ]


def read_page(path: Path) -> Before:
    """Read our values from an earlier page.

    Raises
    ------
    UserError
        If there is no such file, or it has no table that `markdown` wrote.
    """
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    table = [[cell.strip() for cell in line.split("|")[1:-1]]
             for line in text.splitlines() if line.startswith("|")]  # fmt: skip
    if not table or OURS not in table[0]:
        raise UserError(f"{path} has no table of results", "name a page that --write wrote")
    head, _, *rows = table
    ours = head.index(OURS)
    return {
        (row[0].partition(" (")[0], row[1]): row[ours] for row in rows if len(row) == len(head)
    }


def about(words: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Date, versions, machine and command of the comparison."""
    versions = package_versions()
    manifests = [outcome.manifest for outcome in outcomes if outcome.manifest]
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "vaerun": versions["vaerun"],
        "revision": _short(git_revision()),
        "revisions_of_runs": sorted({_short(m.get("git_revision")) for m in manifests}),
        "python": versions["python"],
        "torch": versions.get("torch"),
        "cores": os.cpu_count(),
        "devices": sorted({m["device"] for m in manifests}) or [platform.machine()],
        "command": shlex.join(["python", "scripts/reproduce.py", *words]),
    }


def _short(revision: str | None) -> str:
    """A revision in seven digits, with the suffix that marks changed files."""
    commit, dash, state = (revision or "none").partition("-")
    return commit[:7] + dash + state


def markdown(about: Mapping[str, Any], lines: Sequence[Line], before: Before | None = None) -> str:
    """The comparison as Markdown, with a column for the values of an earlier page if given."""
    head = ["result", "measure", "paper", "to reach", *([] if before is None else ["before"]),
            OURS, "each seed", "min a run", ""]  # fmt: skip
    table = [head, ["---"] * len(head), *(_cells(line, before) for line in lines)]
    others = ", ".join(r for r in about["revisions_of_runs"] if r != about["revision"])
    page = [
        "# The paper's results and ours",
        "",
        f"{about['date']} (UTC). vaerun {about['vaerun']}, revision {about['revision']}"
        + (f" (there are runs of revision {others})" if others else "")
        + f"; Python {about['python']}, torch {about['torch']}; {about['cores']} cores, run on "
        + f"{'; '.join(about['devices'])}.",
        "",
        "```bash",
        about["command"],
        "```",
        "",
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        "How to read it: in brackets after a result stands the dimension of its latent z. All"
        " numbers are of validation images, which are drawn independently of the training"
        " images (for MNIST, its test file). Ours is the mean ± the sample standard deviation"
        " over seeds, or the least (min) or largest (max) value of a seed where it says so. ✓: it"
        " reaches what is to be reached; ✗: it does not, or a run failed"
        " or lacks the number; –: nothing is asked. The paper's cards are scanned, ours drawn.",
    ]
    return "\n".join(page) + "\n"


def as_json(about: Mapping[str, Any], lines: Sequence[Line], outcomes: Sequence[Outcome]) -> str:
    """The comparison as JSON: every line of the table, every run."""
    results = [
        {"result": line.row.name, "experiment": line.row.experiment,
         "overrides": line.row.overrides, **dataclasses.asdict(line.measure),
         "seeds": [outcome.seed for outcome in line.outcomes], "values": line.values,
         "n": len(not_none(line.values)), "mean": line.mean, "sd": line.sd,
         "judged": line.judged, "passed": line.passed}
        for line in lines
    ]  # fmt: skip
    runs = [
        {"result": outcome.row.name, "seed": outcome.seed,
         "overrides": outcome.row.words(outcome.seed), "failed": outcome.folder is None,
         "folder": None if outcome.folder is None else str(outcome.folder),
         "seconds": outcome.seconds, "latent_dim": outcome.metrics.get("latent_dim"),
         "git_revision": outcome.manifest.get("git_revision"),
         "device": outcome.manifest.get("device")}
        for outcome in outcomes
    ]  # fmt: skip
    comparison = {**about, "results": results, "runs": runs}
    return json.dumps(comparison, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
