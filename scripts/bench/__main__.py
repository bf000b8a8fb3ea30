"""Measure vaerun and its peers, round by round; write page, numbers and figure.

bash scripts/bench/run.sh                              # everything: some two hours
bash scripts/bench/run.sh --only spatial bf16 --rounds 5
bash scripts/bench/run.sh --only scaling --rounds 1    # the figure: some ten minutes
bash scripts/bench/run.sh --draw                       # the figure and page again: seconds
bash scripts/bench/run.sh --quick                      # does it work? at most ten minutes

The page is BENCHMARKS.md, the numbers are in benchmarks.json, the figure is docs/scaling.png.
"""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import scaling
from bench.page import about, markdown, merged
from bench.processes import PROCESSES, measured
from bench.rows import ROWS, Round, Row, over_rounds
from bench.scaling_figure import write_figure
from bench.session import ROOT, Session
from bench.sizes import FULL, QUICK
from vaerun.utils.errors import UserError, closest
from vaerun.utils.exit_status import DONE, FAILED, guarded
from vaerun.utils.files import write_text

ROUNDS = 3
SCALING = "scaling"  # for --only, beside the names of rows
PAGE, DATA = "BENCHMARKS.md", "benchmarks.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 done, 1 a process of vaerun failed, 2 wrong input."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _benchmark(words))


def _benchmark(words: list[str]) -> int:
    asked = _parser().parse_args(words)
    asked.rounds = asked.rounds if asked.rounds is not None else 1 if asked.quick else ROUNDS
    default_out = asked.work if asked.quick else ROOT  # a quick run replaces no other
    asked.out = (asked.out or default_out).expanduser()
    if asked.draw:
        return _draw(asked.out, asked.note)
    rows = chosen(asked.only)
    for name in ("rounds", "threads"):
        if getattr(asked, name) < 1:
            raise UserError(f"--{name}={getattr(asked, name)} is below 1", "give 1 or more")
    session = Session(
        folder=asked.work.expanduser().resolve(),
        peers_python=asked.peers.expanduser().absolute(),
        threads=asked.threads,
        sizes=QUICK if asked.quick else FULL,
    )
    session.folder.mkdir(parents=True, exist_ok=True)
    for old in session.folder.glob("images_*"):  # of other sizes, or of another vaerun
        old.unlink()
    command = shlex.join(["bash", "scripts/bench/run.sh", *_without_peers(words)])
    rounds: list[Round] = []
    series: list[scaling.Readings] = []
    for number in range(asked.rounds):
        session.round_number = number
        rounds.append({name: measured(session, name) for name in needed(rows)})
        if not asked.only or SCALING in asked.only:
            series.append(scaling.measured(session))
        _write(session, rows, rounds, series, command, asked)
    ours = [r[name] for r in rounds for name in r if not name.startswith(("pyroved", "atomai"))]
    ours += [r[training] for r in series for training in r if training.model != scaling.PEER]
    return FAILED if any("failed with status" in r.get("failed", "") for r in ours) else DONE


def chosen(names: Sequence[str] | None) -> list[Row]:
    """The rows of these names in the order of the table; all rows if no name is given."""
    known = _names()
    for name in names or []:
        if name not in known:
            raise UserError(f"--only {name} names no row", f"did you mean {closest(name, known)}")
    return [row for row in ROWS if not names or row.name in names]


def needed(rows: Sequence[Row]) -> list[str]:
    """The processes that these rows need, in the order of a round."""
    needs = {name for row in rows for name in row.needs}
    return [name for name in PROCESSES if name in needs]


def _names() -> list[str]:
    """What ``--only`` may name."""
    return [*dict.fromkeys(row.name for row in ROWS), SCALING]


def _write(
    session: Session,
    rows: Sequence[Row],
    rounds: Sequence[Round],
    series: Sequence[scaling.Readings],
    command: str,
    asked: argparse.Namespace,
) -> None:
    """Write page, JSON and figure; after every round, in case a later one is interrupted."""
    lines = [over_rounds(row, rounds) for row in rows]
    points = scaling.over_rounds(session.sizes.scales, series) if series else None
    data = asked.out / DATA
    earlier = json.loads(data.read_text(encoding="utf-8")) if data.is_file() else None
    benchmark = merged(earlier, about(session, command, len(rounds), asked.note), lines,
                       rounds, points)  # fmt: skip
    write_text(data, json.dumps(benchmark, indent=2, ensure_ascii=False) + "\n")
    _draw(asked.out)
    verdicts = [line.passed for line in lines if line.passed is not None]
    print(f"{len(rounds)} of {asked.rounds} rounds: {sum(verdicts)} of {len(verdicts)} targets"
          f" reached; {asked.out / PAGE}", flush=True)  # fmt: skip


def _draw(folder: Path, note: str | None = None) -> int:
    """Write page and figure from the numbers in a folder; a note is added to the newest run."""
    data = folder / DATA
    if not data.is_file():
        raise UserError(f"{data} is missing", "measure first, without --draw")
    benchmark = json.loads(data.read_text(encoding="utf-8"))
    if note is not None:
        benchmark["runs"][0]["note"] = note
        write_text(data, json.dumps(benchmark, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / PAGE, markdown(benchmark))
    if series := benchmark.get("scaling"):
        write_figure(series["points"], folder)
    return DONE


def _without_peers(words: Sequence[str]) -> list[str]:
    """The arguments less ``--peers``, which run.sh gives."""
    return list(words[2:] if words[:1] == ["--peers"] else words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bash scripts/bench/run.sh",
        description="Measure vaerun beside pyroVED and AtomAI; write BENCHMARKS.md,"
        " benchmarks.json and docs/scaling.png.",
        epilog="rows: " + ", ".join(_names()) + " (the figure)",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    add = parser.add_argument
    add("--rounds", type=int, metavar="N",
        help=f"how often (default: {ROUNDS}; with --quick 1)")  # fmt: skip
    add("--only", nargs="+", metavar="ROW",
        help="rows to measure, the others stay as they were; all if none is named")  # fmt: skip
    add("--threads", type=int, default=cores, metavar="N",
        help="of every process (default: all cores, %(default)s)")  # fmt: skip
    add("--out", type=Path, metavar="FOLDER",
        help="where page, JSON and figure go (default: the repository; with --quick that of"
        " --work)")  # fmt: skip
    add("--work", type=Path, default=ROOT / "outputs" / "bench", metavar="FOLDER",
        help="where images, runs and logs go (default: %(default)s)")  # fmt: skip
    add("--quick", action="store_true",
        help="little of everything, in ten minutes at most: does it work?")  # fmt: skip
    add("--note", metavar="TEXT", help="remark on the run, for the page: what ran beside it")
    add("--draw", action="store_true",
        help="measure nothing: page and figure again, from the JSON")  # fmt: skip
    add("--peers", type=Path, default=ROOT / ".venv-bench/bin/python", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the running process, too
    sys.exit(main())
