"""Run the experiments behind each result over seeds and compare ours with the paper's.

python scripts/reproduce.py                                    # every row
python scripts/reproduce.py --list
python scripts/reproduce.py 'particles_*' --jobs 2
python scripts/reproduce.py jrvae_cards_iii --seeds 0,1 --jobs 2 --write RESULTS.md
python scripts/reproduce.py -- data.root=data/mnist            # overrides for every run

Finished runs are listed in `<out>/runs.json`, so the same command given again skips them.
"""

import argparse
import fnmatch
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from reproduction.measures import goal
from reproduction.page import about, as_json, markdown, over_seeds, read_page
from reproduction.row import Row
from reproduction.rows import ROWS
from reproduction.runner import Runner

from vaerun.evaluation.headline import not_none
from vaerun.utils.errors import UserError, closest
from vaerun.utils.exit_status import DONE, FAILED, guarded
from vaerun.utils.files import write_text

SET_HERE = ("experiment", "seed", "out", "resume")  # keys that no override after -- may set


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 done, 1 a run failed, 2 wrong input, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _reproduce(words))


def _reproduce(words: list[str]) -> int:
    end = words.index("--") if "--" in words else len(words)
    asked = _parser().parse_intermixed_args(words[:end])
    extra = tuple(words[end + 1 :])
    rows = _chosen(asked.rows)
    for word in extra:
        if word.partition("=")[0] in SET_HERE:
            raise UserError(f"{word} is for this script to set", "see --help for its options")
    if asked.list:
        _list(rows)
        return DONE
    # read first: --write may name the same file
    before = None if asked.before is None else read_page(asked.before.expanduser())
    pairs = [(row, seed) for row in rows for seed in asked.seeds or range(row.n_seeds)]
    runner = Runner(asked.out.expanduser(), extra, max(1, asked.jobs), asked.fresh)
    outcomes = runner.run_all(pairs)
    lines = [over_seeds(row, measure, [o for o in outcomes if o.row is row])
             for row in rows for measure in row.measures]  # fmt: skip
    page = (asked.write or asked.out / "results.md").expanduser()
    provenance = about(words, outcomes)
    write_text(page, markdown(provenance, lines, before))
    write_text(page.with_suffix(".json"), as_json(provenance, lines, outcomes))
    verdicts = not_none([line.passed for line in lines])
    n_failed = sum(outcome.folder is None for outcome in outcomes)
    print(f"{sum(verdicts)} of {len(verdicts)} targets reached, {n_failed} failed runs; {page}")
    return FAILED if n_failed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/reproduce.py",
        usage="%(prog)s [ROW ...] [options] [-- KEY=VALUE ...]",
        description="Run the experiments behind each result over seeds and write the comparison"
        " with the paper, as Markdown and as JSON. What has finished is not run again.",
        epilog="What follows -- goes to every run, such as: -- data.root=data/mnist",
    )
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW", help="results to reproduce, or a pattern such as"
        " 'particles_*'; all if none is named")  # fmt: skip
    add("--list", action="store_true", help="show the rows and run nothing")
    add("--seeds", type=_seeds, metavar="0,1,2", help="default: as --list shows, from 0 on")
    add("--jobs", type=int, default=1, metavar="N", help="runs at once; they share the cores")
    add("--out", type=Path, default=Path("outputs/reproduce"), metavar="FOLDER",
        help="where runs, logs and runs.json go (default: %(default)s)")  # fmt: skip
    add("--write", type=Path, metavar="PAGE.md",
        help="the comparison, and beside it PAGE.json (default: results.md in --out)")  # fmt: skip
    add("--before", type=Path, metavar="PAGE.md",
        help="an earlier comparison, whose figures get a column of their own")  # fmt: skip
    add("--fresh", action="store_true", help="run again what has finished, too")
    return parser


def _seeds(text: str) -> list[int]:
    return sorted({int(word) for word in text.split(",")})


def _chosen(names: Sequence[str]) -> list[Row]:
    """The rows of these names or patterns in that order, all rows if there are none."""
    rows = {row.name: row for row in ROWS}
    chosen = []
    for name in names or rows:
        matching = fnmatch.filter(rows, name)
        if not matching:
            raise UserError(f"{name} is not a row", f"did you mean {closest(name, rows)}")
        chosen += matching
    return [rows[name] for name in dict.fromkeys(chosen)]


def _list(rows: Sequence[Row]) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        goals = [f"{m.title} {goal(m)}".removesuffix(" –") for m in row.measures]
        by_seed = ["…"] if row.overrides_of else []  # what a seed changes
        what = " ".join([row.experiment, *row.overrides, *by_seed])
        print(f"{row.name:{width}}  {row.n_seeds} × {what}: {'; '.join(goals)}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
