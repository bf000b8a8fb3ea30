"""Make the figures of the review again, and the page that shows them.

python scripts/review_figures.py                       # all
python scripts/review_figures.py --only 6 8
python scripts/review_figures.py --list
python scripts/review_figures.py -- data.root=data/mnist   # overrides for every run

What has finished in --out is not run again. Figures and runs are in scripts/review/figures.yaml.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from reproduction.runner import Runner
from review.drawing import draw
from review.page import file_name, page
from review.table import Figure, Table, read

from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, FAILED, guarded
from vaerun.utils.files import write_text

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 done, 1 a run failed, 2 wrong input, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _make(words))


def _make(words: list[str]) -> int:
    end = words.index("--") if "--" in words else len(words)
    asked = _parser().parse_args(words[:end])
    table = read()
    figures = _chosen(table, asked.only)
    if asked.list:
        _list(table, figures)
        return DONE
    runner = Runner(asked.out.expanduser(), tuple(words[end + 1 :]), asked.jobs)
    names = dict.fromkeys(run for figure in figures for run in figure.runs)
    outcomes = runner.run_all([(table.row(run), 0) for run in names])
    folders = {one.row.name: one.folder for one in outcomes if one.folder is not None}
    failed = False
    for figure in figures:
        if not figure.panels:
            continue
        if missing := [run for run in figure.runs if run not in folders]:
            print(f"figure {figure.number}: not drawn, since {', '.join(missing)} failed")
            failed = True
            continue
        draw(figure, folders, asked.docs / "review" / file_name(figure))
        print(f"figure {figure.number}: {asked.docs / 'review' / file_name(figure)}", flush=True)
    write_text(asked.docs / "review.md", page(table, asked.docs / "review"))
    return FAILED if failed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/review_figures.py",
        description="Make the figures of the review again.",
        epilog="What follows -- goes to every run, such as: -- data.root=data/mnist",
    )
    add = parser.add_argument
    add(
        "--only", type=int, nargs="+", metavar="N", help="numbers of figures; all if none is given"
    )
    add("--list", action="store_true", help="show figures and runs, and run nothing")
    add("--jobs", type=int, default=1, metavar="N", help="runs at once; they share the cores")
    add("--out", type=Path, default=Path("outputs/review"), metavar="FOLDER",
        help="where runs and logs go (default: %(default)s)")  # fmt: skip
    add("--docs", type=Path, default=DOCS, metavar="FOLDER",
        help="where review.md and the pictures go (default: docs of the repository)")  # fmt: skip
    return parser


def _chosen(table: Table, numbers: Sequence[int] | None) -> list[Figure]:
    for number in numbers or ():
        if number not in table.figures:
            hint = f"the figures are {min(table.figures)} to {max(table.figures)}"
            raise UserError(f"--only {number} is no figure of the review", hint)
    return [table.figures[number] for number in numbers or table.figures]


def _list(table: Table, figures: Sequence[Figure]) -> None:
    for figure in figures:
        print(f"{figure.number:2}  {figure.title}")
        for run in figure.runs:
            print(f"      vaerun {table.runs[run]}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
