"""The end of a sweep: its figure, its best run, what failed, and the exit status."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vaerun.evaluation import run_comparison as comparison
from vaerun.evaluation.metrics import catalogue
from vaerun.runs.config import INCIDENTAL
from vaerun.tasks.sweep import table
from vaerun.tasks.sweep.sweep import Sweep
from vaerun.tasks.sweep.table import Row
from vaerun.tasks.sweep.trial_status import FINISHED
from vaerun.utils.errors import closest
from vaerun.utils.exit_status import DONE, FAILED, INTERRUPTED, WRONG_INPUT
from vaerun.utils.files import atomic_path


def draw_summary(sweep: Sweep) -> Path | None:
    """`summary.png`, the metrics of the runs that have finished; None if those are too few."""
    rows = [row for row in table.read_rows(sweep) if row.metrics]
    if len(rows) < 2:
        return None
    from vaerun.evaluation.figures.run_comparison import draw_metrics

    groups = comparison.grouped([row.finished for row in rows], INCIDENTAL)
    shown = [m for m in table.metrics_shown(sweep, rows) if any(g.values(m) for g in groups)]
    if not shown:
        return None
    values = {catalogue.label_of(m): [g.values(m) for g in groups] for m in shown}
    figure = draw_metrics([group.title for group in groups], values)
    with atomic_path(sweep.folder / "summary.png") as path:
        figure.savefig(path)
    return sweep.folder / "summary.png"


def finish_sweep(sweep: Sweep, console: Console) -> int:
    """Draw, say how the sweep went, name the best run last; returns the exit status."""
    table.write_tables(sweep)
    rows = table.read_rows(sweep)
    figure = draw_summary(sweep)
    best = table.best_lines(sweep, rows)
    lines = [*best, f"table: {sweep.folder / 'table.md'}"]
    if figure is not None:
        lines.append(f"figure: {figure}")
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if not best:
        _say_what_metrics_there_are(sweep, rows)
    code = status(rows)
    _say_what_failed(sweep, rows)
    run = _run_to_name(sweep, rows)
    if run is not None:
        print(f"run: {run}", flush=True)
    return code


def status(rows: Sequence[Row]) -> int:
    """130 if any was interrupted, 1 if any failed by our fault, 2 if all by the user's."""
    codes = [row.record.code for row in rows if row.record.status != FINISHED]
    if not codes:
        return DONE
    if INTERRUPTED in codes:
        return INTERRUPTED
    return WRONG_INPUT if set(codes) == {WRONG_INPUT} else FAILED


def _run_to_name(sweep: Sweep, rows: Sequence[Row]) -> str | None:
    """The best run, of the first data set if of several; where none is known, the last one."""
    best = next(iter(table.best_rows(sweep, rows).values()), None)
    runs = [row.record.run for row in rows if row.record.status == FINISHED and row.record.run]
    return best.record.run if best is not None else next(reversed(runs), None)


def _say_what_failed(sweep: Sweep, rows: Sequence[Row]) -> None:
    failed = [row for row in rows if row.record.status != FINISHED]
    if failed:
        numbers = ", ".join(str(row.trial.number) for row in failed)
        print(
            f"{len(failed)} of {len(rows)} trials did not finish: {numbers} — "
            f"see {sweep.folder / 'table.md'}, then give the same command again",
            file=sys.stderr,
        )


def _say_what_metrics_there_are(sweep: Sweep, rows: Sequence[Row]) -> None:
    """Where the runs have metrics and not the one asked for."""
    known = comparison.known_metrics([row.finished for row in rows])
    if known:
        print(
            f"sweep.metric={sweep.metric}: none of the runs has it — "
            f"did you mean {closest(sweep.metric, known)}",
            file=sys.stderr,
        )
