"""Measure vaerun and its peers, round by round; write BENCHMARKS.md and benchmarks.json.

bash scripts/bench/run.sh                              # everything: some two hours
bash scripts/bench/run.sh --only spatial bf16 --rounds 5
bash scripts/bench/run.sh --quick --rounds 1 --out /tmp/bench     # does it work? minutes
"""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.page import about, markdown, merged
from bench.processes import PROCESSES, measured
from bench.rows import ROWS, Round, Row, over_rounds
from bench.session import FULL, QUICK, ROOT, Session
from vaerun.utils.errors import UserError, closest
from vaerun.utils.exit_status import DONE, FAILED, guarded
from vaerun.utils.files import write_text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 done, 1 a process of vaerun failed, 2 wrong input."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _benchmark(words))


def _benchmark(words: list[str]) -> int:
    asked = _parser().parse_args(words)
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
    for number in range(asked.rounds):
        session.round_number = number
        rounds.append({name: measured(session, name) for name in needed(rows)})
        _write(session, rows, rounds, command, asked)
    ours = [r[name] for r in rounds for name in r if not name.startswith(("pyroved", "atomai"))]
    return FAILED if any("failed with status" in r.get("failed", "") for r in ours) else DONE


def chosen(names: Sequence[str] | None) -> list[Row]:
    """The rows of these names in the order of the table; all rows if no name is given."""
    known = list(dict.fromkeys(row.name for row in ROWS))
    for name in names or []:
        if name not in known:
            raise UserError(f"--only {name} names no row", f"did you mean {closest(name, known)}")
    return [row for row in ROWS if not names or row.name in names]


def needed(rows: Sequence[Row]) -> list[str]:
    """The processes that these rows need, in the order of a round."""
    needs = {name for row in rows for name in row.needs}
    return [name for name in PROCESSES if name in needs]


def _write(
    session: Session,
    rows: Sequence[Row],
    rounds: Sequence[Round],
    command: str,
    asked: argparse.Namespace,
) -> None:
    """Write page and JSON; after every round, in case a later one is interrupted."""
    lines = [over_rounds(row, rounds) for row in rows]
    page = asked.out.expanduser() / "BENCHMARKS.md"
    data = page.with_name("benchmarks.json")
    earlier = json.loads(data.read_text(encoding="utf-8")) if data.is_file() else None
    benchmark = merged(earlier, about(session, command, len(rounds)), lines, rounds)
    write_text(page, markdown(benchmark, quick=asked.quick))
    write_text(data, json.dumps(benchmark, indent=2, ensure_ascii=False) + "\n")
    verdicts = [line.passed for line in lines if line.passed is not None]
    print(f"{len(rounds)} of {asked.rounds} rounds: {sum(verdicts)} of {len(verdicts)} targets"
          f" reached; {page}", flush=True)  # fmt: skip


def _without_peers(words: Sequence[str]) -> list[str]:
    """The arguments less ``--peers``, which run.sh gives."""
    return list(words[2:] if words[:1] == ["--peers"] else words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bash scripts/bench/run.sh",
        description="Measure vaerun beside pyroVED and AtomAI; write BENCHMARKS.md and"
        " benchmarks.json.",
        epilog="rows: " + ", ".join(dict.fromkeys(row.name for row in ROWS)),
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    add = parser.add_argument
    add("--rounds", type=int, default=3, metavar="N", help="how often (default: %(default)s)")
    add("--only", nargs="+", metavar="ROW",
        help="rows to measure, the others stay as they were; all if none is named")  # fmt: skip
    add("--threads", type=int, default=cores, metavar="N",
        help="of every process (default: all cores, %(default)s)")  # fmt: skip
    add("--out", type=Path, default=ROOT, metavar="FOLDER",
        help="where the page and the JSON go (default: the repository)")  # fmt: skip
    add("--work", type=Path, default=ROOT / "outputs" / "bench", metavar="FOLDER",
        help="where images, runs and logs go (default: %(default)s)")  # fmt: skip
    add("--quick", action="store_true", help="little of everything: does it work?")
    add("--peers", type=Path, default=ROOT / ".venv-bench/bin/python", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the running process, too
    sys.exit(main())
