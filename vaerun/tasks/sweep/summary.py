"""End of a sweep: summary figure, best run, failed trials and the exit status."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vaerun.evaluation import run_comparison as comparison
from vaerun.runs.config import INCIDENTAL
from vaerun.tasks.sweep import table
from vaerun.tasks.sweep.sweep import Sweep
from vaerun.tasks.sweep.table import TrialResult
from vaerun.tasks.sweep.trial_status import FINISHED
from vaerun.utils.errors import closest
from vaerun.utils.exit_status import DONE, FAILED, INTERRUPTED, WRONG_INPUT
from vaerun.utils.files import atomic_path


def draw_summary(sweep: Sweep) -> Path | None:
    """Draw the metrics of the finished runs, `summary.png`; None if there are fewer than two."""
    results = [result for result in table.read_results(sweep) if result.metrics]
    if len(results) < 2:
        return None
    from vaerun.evaluation.figures.run_comparison import draw_metrics  # imports matplotlib

    groups = comparison.grouped([result.finished for result in results], INCIDENTAL)
    values = comparison.values_by_label(groups, table.metrics_shown(sweep, results))
    values = {label: of_groups for label, of_groups in values.items() if any(of_groups)}
    if not values:
        return None
    figure = draw_metrics([group.title for group in groups], values)
    with atomic_path(sweep.folder / "summary.png") as path:
        figure.savefig(path)
    return sweep.folder / "summary.png"


def finish_sweep(sweep: Sweep, console: Console) -> int:
    """Write table and figure, print how the sweep ended; returns the exit status."""
    table.write_tables(sweep)
    results = table.read_results(sweep)
    figure = draw_summary(sweep)
    best = table.best_lines(sweep, results)
    lines = [*best, f"table: {sweep.folder / 'table.md'}"]
    lines += [] if figure is None else [f"figure: {figure}"]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if not best:
        _print_known_metrics(sweep, results)
    failed = [str(r.trial.number) for r in results if r.status.status != FINISHED]
    if failed:
        print(
            f"{len(failed)} of {len(results)} trials did not finish: {', '.join(failed)} — "
            f"see {sweep.folder / 'table.md'}, then give the same command again",
            file=sys.stderr,
        )
    run = _named_run(sweep, results)
    if run is not None:
        print(f"run: {run}", flush=True)
    return _exit_status(results)


def _exit_status(results: Sequence[TrialResult]) -> int:
    """130 if any trial was interrupted, 2 if all failures are wrong input, else 1; 0 if none."""
    codes = [result.status.code for result in results if result.status.status != FINISHED]
    if not codes:
        return DONE
    if INTERRUPTED in codes:
        return INTERRUPTED
    return WRONG_INPUT if set(codes) == {WRONG_INPUT} else FAILED


def _named_run(sweep: Sweep, results: Sequence[TrialResult]) -> str | None:
    """The best run (on the first data set of several); without metrics, the last finished one."""
    for best in table.best_results(sweep, results).values():
        return best.status.run
    runs = [r.status.run for r in results if r.status.status == FINISHED and r.status.run]
    return runs[-1] if runs else None


def _print_known_metrics(sweep: Sweep, results: Sequence[TrialResult]) -> None:
    """Print the closest metric if the runs have metrics, but not that of the sweep."""
    known = comparison.known_metrics([result.finished for result in results])
    if known:
        print(
            f"sweep.metric={sweep.metric}: none of the runs has it — "
            f"did you mean {closest(sweep.metric, known)}",
            file=sys.stderr,
        )
