"""The benchmark as a page and as JSON."""

import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.judge import Spread
from bench.rows import Line, Round
from bench.session import PEERS, Session
from vaerun.provenance import git_revision, package_versions

SIGNS = {">=": "≥", "<=": "≤"}


def about(session: Session, command: str, n_rounds: int) -> dict[str, Any]:
    """When, on what and with which versions it was measured."""
    versions = package_versions()
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}",
        "command": command,
        "rounds": n_rounds,
        "sizes": dataclasses.asdict(session.sizes),
        "machine": {
            "processor": session.about.get("processor") or platform.processor(),
            "model": _processor_model(),
            "cores": os.cpu_count(),
            "threads": session.threads,
            "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
            "bfloat16": session.about.get("bfloat16"),
            "system": platform.platform(),
        },
        "versions": {
            "python": versions["python"],
            "torch": session.about.get("torch") or versions.get("torch"),
            "vaerun": versions["vaerun"],
            "revision": git_revision(),
            "peers": session.versions,
        },
    }


def _processor_model() -> str | None:
    """Family, model and stepping, which tell processors of one name apart; Linux alone says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    known = {key.strip(): value.strip() for key, value in pairs}
    return f"family {known.get('cpu family')} model {known.get('model')}"


def number(value: float) -> str:
    """Three digits, or all before the point.

    Examples
    --------
    >>> number(1234.5), number(12.345)
    ('1,234', '12.3')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def _spread(of: Spread | None, sign: str = "") -> str:
    """Median (least–most)."""
    if of is None:
        return "–"
    around = f" ({number(of.least)}–{number(of.most)})" if of.least != of.most else ""
    return f"{number(of.median)}{sign}{around}"


def _cells(line: Line) -> list[str]:
    """A line of the table; the order is that of its head in `markdown`."""
    row = line.row
    sign = "" if row.other is None else " ×"
    ours = _spread(line.ours) if row.other is None else _median(line.ours)
    unit = f" {row.unit}".replace(" °", "°") if row.unit else ""
    goal = "–" if row.target is None else f"{SIGNS[row.direction]} {row.target:g}{sign or unit}"
    verdict = {True: "✓", False: "✗", None: "–"}[line.passed]
    if line.missing is not None and line.passed is None:
        verdict = "not measured"
    return [
        row.title,
        ours if line.ours is None else ours + unit,
        "–" if line.other is None else f"{_median(line.other)}{unit} ({row.against})",
        _spread(line.ratio, " ×") if row.other is not None else "",
        goal,
        verdict,
    ]


def _median(of: Spread | None) -> str:
    return "–" if of is None else number(of.median)


def markdown(known: Mapping[str, Any], lines: Sequence[Line], *, quick: bool) -> str:
    """The page."""
    machine, versions, sizes = known["machine"], known["versions"], known["sizes"]
    head = ["measure", "ours", "other", "ratio (least–most)", "to reach", ""]
    table = [head, ["---"] * len(head), *map(_cells, lines)]
    missing = dict.fromkeys(line.missing for line in lines if line.missing is not None)
    peers = "; ".join(
        f"{PEERS[peer]}: " + ", ".join(f"{name} {v}" for name, v in packages.items())
        for peer, packages in versions["peers"].items()
    )
    bfloat = {True: "with bf16", False: "without bf16", None: "bf16 unknown"}[machine["bfloat16"]]
    page = [
        "# Benchmarks",
        "",
        *(["**A quick run, to see that everything works: it judges nothing.**", ""] * quick),
        f"{known['date']} (UTC). {machine['processor']} ({machine['model']}), {bfloat},"
        f" {machine['cores']} cores, {machine['threads']} threads for every process,"
        f" {machine['memory_gb']:.0f} GB; {machine['system']}. vaerun {versions['vaerun']},"
        f" revision {versions['revision']}; Python {versions['python']}, torch"
        f" {versions['torch']}. {peers or 'No peer was run'}.",
        "",
        "```bash",
        known["command"],
        "```",
        "",
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        *(f"- Not measured: {why}" for why in missing),
        *([""] if missing else []),
        *_how(known["rounds"], sizes),
    ]
    return "\n".join(page) + "\n"


def _how(n_rounds: int, sizes: Mapping[str, Any]) -> list[str]:
    """How each number came about."""
    return [
        f"How to read it: medians over {n_rounds} rounds; a ratio is taken within each round, then"
        " its median (least–most) over the rounds. In a round every process runs once, alone, one"
        " after the other, with the same number of threads; the round's number is the seed of all"
        " that is drawn. ✓: the median reaches what is to be reached; ✗: it does not, or in some"
        " round there was no such number; –: nothing is asked.",
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
        f"**Scale**: steps of one epoch over {sizes['many_images']:,} cards against the second of"
        f" {sizes['quick_images']:,}; of one over {sizes['patches']:,} patches in a file, of which"
        f" {sizes['patches_gb']:g} GB may be in memory, against the second of"
        f" {sizes['patches_in_memory']:,} in memory.",
        "",
        "**Alone**: wall clock from the command on; memory is the peak of the resident set.",
    ]


def as_json(known: Mapping[str, Any], lines: Sequence[Line], rounds: Sequence[Round]) -> str:
    """The same for programs: every line of the table, every reading of every round."""

    def plain(of: Spread | None) -> dict[str, float] | None:
        return None if of is None else of._asdict()

    table = [
        {"name": line.row.name, "title": line.row.title, "unit": line.row.unit,
         "against": line.row.against or None, "ours": plain(line.ours),
         "other": plain(line.other), "ratio": plain(line.ratio),
         "ratio_is": "other / ours" if line.row.inverse else "ours / other",
         "target": line.row.target, "direction": line.row.direction, "passed": line.passed,
         "missing": line.missing}
        for line in lines
    ]  # fmt: skip
    whole = {**known, "rows": table, "rounds_measured": rounds}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
