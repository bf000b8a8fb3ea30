"""The benchmark as JSON, and as a Markdown page made of it.

A command that measures some of the rows keeps the others from an earlier run: every row names its
run, and every run has its date, machine and versions.
"""

import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.judge import Spread
from bench.rows import ROWS, Line, Round
from bench.scaling_figure import on_page, remark
from bench.session import PEERS, Session
from bench.sizes import QUICK
from vaerun.utils.provenance import git_revision, package_versions

SIGNS = {">=": "≥", "<=": "≤"}


def about(
    session: Session, command: str, n_rounds: int, note: str | None = None
) -> dict[str, Any]:
    """Date, command, machine and versions of a run of the benchmark, and a remark on it."""
    versions, machine = package_versions(), session.machine()
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}",
        "command": command,
        "rounds": n_rounds,
        "note": note,
        "quick": session.sizes == QUICK,
        "sizes": json.loads(json.dumps(dataclasses.asdict(session.sizes))),  # no tuples
        "machine": {
            "processor": machine.get("processor") or platform.processor(),
            "model": _processor_model(),
            "cores": os.cpu_count(),
            "threads": session.threads,
            "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
            "bfloat16": machine.get("bfloat16"),
            "system": platform.platform(),
        },
        "versions": {
            "python": versions["python"],
            "torch": machine.get("torch") or versions.get("torch"),
            "vaerun": versions["vaerun"],
            "revision": git_revision(),
            "peers": session.versions,
        },
    }


def _processor_model() -> str | None:
    """Family and model of the processor, which its name does not contain; on Linux only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    known = {key.strip(): value.strip() for key, value in pairs}
    return f"family {known.get('cpu family')} model {known.get('model')}"


def number(value: float) -> str:
    """A number with three digits, or all those before the decimal point.

    Examples
    --------
    >>> number(1234.5), number(12.345)
    ('1,234', '12.3')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def merged(
    earlier: Mapping[str, Any] | None,
    known: Mapping[str, Any],
    lines: Sequence[Line],
    rounds: Sequence[Round],
    points: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Merge this run with the rows of earlier runs that it has not measured again.

    Parameters
    ----------
    earlier
        What this returned for the previous run; a run of other sizes is left out.
    known
        Result of `about`.
    lines, rounds
        Rows and readings of this run.
    points
        Of the scaling series, what `bench.scaling.over_rounds` returns; None if they were not
        measured.
    """
    earlier = earlier or {}
    rows = {(line.row.name, line.row.title): _plain(line) | {"run": 0} for line in lines}
    runs = [{**known, "rounds_measured": list(rounds)}]

    def kept(run: Mapping[str, Any], *others_sizes: str) -> int | None:
        """The number that an earlier run has now; None if its sizes were others."""
        sizes = {size: v for size, v in run["sizes"].items() if size not in others_sizes}
        if sizes != {size: known["sizes"].get(size) for size in sizes}:
            return None
        if run not in runs:
            runs.append(dict(run))
        return runs.index(run)

    for row in earlier.get("rows", []):
        if "run" not in row or (row["name"], row["title"]) in rows:
            continue
        place = kept(earlier["runs"][row["run"]], "scales")
        if place is not None:
            rows[row["name"], row["title"]] = {**row, "run": place}
    in_order = [rows[key] for row in ROWS if (key := (row.name, row.title)) in rows]
    benchmark = {"runs": runs, "rows": in_order}
    if points is not None:
        benchmark["scaling"] = {"run": 0, "points": points}
    elif series := earlier.get("scaling"):
        place = kept(earlier["runs"][series["run"]])
        if place is not None:
            benchmark["scaling"] = {**series, "run": place}
    return json.loads(json.dumps(benchmark, allow_nan=False))


def _plain(line: Line) -> dict[str, Any]:
    """A line of the table as plain containers."""

    def spread(of: Spread | None) -> dict[str, float] | None:
        return None if of is None else of._asdict()

    row = line.row
    return {
        "name": row.name, "title": row.title, "unit": row.unit, "against": row.against or None,
        "ours": spread(line.ours), "other": spread(line.other), "ratio": spread(line.ratio),
        "ratio_is": (None if row.other is None else
                     "other / ours" if row.inverse else "ours / other"),
        "target": row.target, "direction": row.direction, "passed": line.passed,
        "missing": line.missing,
    }  # fmt: skip


Numbers = Mapping[str, float]


def _spread(of: Numbers | None, sign: str = "") -> str:
    """A range as text: median (least–most)."""
    if of is None:
        return "–"
    least, most = of["least"], of["most"]
    around = f" ({number(least)}–{number(most)})" if least != most else ""
    return f"{number(of['median'])}{sign}{around}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    """The cells of a line of the table, in the order of its head in `markdown`."""
    is_alone = row["ratio_is"] is None
    sign = "" if is_alone else " ×"
    ours = _spread(row["ours"]) if is_alone else _median(row["ours"])
    unit = f" {row['unit']}".replace(" °", "°") if row["unit"] else ""
    target, direction = row["target"], SIGNS[row["direction"]]
    verdict = {True: "✓", False: "✗", None: "–"}[row["passed"]]
    if row["missing"] is not None and row["passed"] is None:
        verdict = "not measured"
    other = row["other"]
    return [
        row["title"],
        ours if row["ours"] is None else ours + unit,
        "–" if other is None else f"{_median(other)}{unit} ({row['against']})",
        "" if is_alone else _spread(row["ratio"], " ×"),
        "–" if target is None else f"{direction} {target:g}{sign or unit}",
        verdict,
        str(row["run"] + 1),
    ]


def _median(of: Numbers | None) -> str:
    return "–" if of is None else number(of["median"])


def markdown(benchmark: Mapping[str, Any]) -> str:
    """The page made of what `merged` returns; docs/benchmarks.md includes its sections."""
    newest = benchmark["runs"][0]
    head = ["measure", "ours", "other", "ratio (least–most)", "to reach", "", "run"]
    table = [head, ["---"] * len(head), *map(_cells, benchmark["rows"])]
    missing = dict.fromkeys(row["missing"] for row in benchmark["rows"] if row["missing"])
    quick = newest.get("quick", False)
    page = [
        "# Benchmarks",
        "",
        "<!-- --8<-- [start:table] -->",
        "",
        *(["**A quick run, to see that everything works: it judges nothing.**", ""] * quick),
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        *(f"- Not measured: {why}" for why in missing),
        *([""] if missing else []),
        "<!-- --8<-- [end:table] -->",
        "",
        *on_page(benchmark),
        "<!-- --8<-- [start:runs] -->",
        "",
        *(line for i, run in enumerate(benchmark["runs"]) for line in _run(i + 1, run)),
        *_how(newest["sizes"]),
        "<!-- --8<-- [end:runs] -->",
    ]
    return "\n".join(page) + "\n"


def _run(i: int, run: Mapping[str, Any]) -> list[str]:
    """Date, machine, versions and command of a run."""
    machine, versions = run["machine"], run["versions"]
    peers = "; ".join(
        f"{PEERS[peer]}: " + ", ".join(f"{name} {v}" for name, v in packages.items())
        for peer, packages in versions["peers"].items()
    )
    bfloat = {True: "with bf16", False: "without bf16", None: "bf16 unknown"}[machine["bfloat16"]]
    return [
        f"**Run {i}**, {run['date']} (UTC), rounds: {run['rounds']}. {machine['processor']}"
        f" ({machine['model']}), {bfloat},"
        f" cores: {machine['cores']}, threads of every process: {machine['threads']},"
        f" {machine['memory_gb']:.0f} GB; {machine['system']}. vaerun {versions['vaerun']},"
        f" revision {versions['revision']}; Python {versions['python']}, torch"
        f" {versions['torch']}. {peers or 'No peer was run'}.{remark(run)}",
        "",
        "```bash",
        run["command"],
        "```",
        "",
    ]


def _how(sizes: Mapping[str, Any]) -> list[str]:
    """How each number is measured."""
    return [
        "How to read it: medians over the rounds of a run; a ratio is taken within each round,"
        " then its median (least–most) over the rounds. In a round every process runs once,"
        " alone, one after the other, with the same number of threads; the round's number is the"
        " seed of all that is drawn. ✓: the median reaches what is to be reached; ✗: it does not,"
        " or in some round there was no such number; –: nothing is asked.",
        "",
        "**Images** are cards iv, 48×48, drawn once a round by vaerun and read by the peers;"
        " held-out ones come from a random stream of their own. **Networks** of the spatial rows"
        " are the same in all packages (hidden 256², 790,535 parameters, rotation only), in"
        f" batches of {sizes['batch']} (orbit and its pyroVED: as the table says); pyroVED and"
        " AtomAI are trained by their own trainers with their own defaults, vaerun by its"
        " command.",
        "",
        f"**Throughput**: images of an epoch ({sizes['speed_images']:,}; orbit:"
        f" {sizes['quick_images']:,}) over the time from its beginning to the end of its last"
        f" step; the median of {sizes['speed_epochs']} epochs, the first left out.",
        "",
        f"**Time to quality**: pyroVED trains {sizes['epochs']} epochs on {sizes['images']:,}"
        f" images. Its −ELBO on {sizes['held_out']:,} held-out images is then the bound to reach;"
        " its time ends before that is evaluated. vaerun runs its default recipe on the same"
        " images; its time is that of the end of the first epoch, validation included, whose"
        " `val/loss` is no higher: what it reached within the epoch is not counted. Both are"
        " −ELBO in nats per image, summed over pixels, Bernoulli, one draw of the latents, every"
        " package under its own priors: pyroVED's `SVI.evaluate_loss` (θ ~ N(0, 1)); vaerun's"
        " plain, unweighted bound (θ uniform) with q restricted to the two likeliest of its"
        " eight rotation bins, which is a bound like any other q. **Angle error**: mean over"
        " suits of the mean absolute circular error after the best offset, modulo 180° for"
        " diamonds, for the better of both signs of rotation, by one function for both.",
        "",
        f"**Final bound of a subset**: {sizes['epochs']} epochs on the same"
        f" {sizes['images']:,} images, learning rate falling from 1e-3 to nothing; judged on all"
        " pixels. Subset and all pixels run in the precision that the processor is fastest in.",
        "",
        f"**Scale**: steps of one epoch over {sizes['many_images']:,} cards, against epochs of"
        f" {sizes['quick_images']:,} less the first; of one over"
        f" {sizes['patches']:,} patches in a file, of which"
        f" {sizes['patches_gb']:g} GB may be in memory, against epochs of"
        f" {sizes['patches_in_memory']:,} in memory less the first.",
        "",
        "**Alone**: wall clock from the command on; memory is the peak of the resident set.",
    ]
