"""`task=compare`: finished runs side by side, as a table and as figures.

vaerun task=compare run=outputs
vaerun task=compare run='[outputs/rvae/cards_iv/*,outputs/vae/cards_iv/*]'
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vaerun.config.task import CompareConfig
from vaerun.evaluation import run_comparison as comparison
from vaerun.evaluation.figures import save_figures
from vaerun.evaluation.figures.run_comparison import draw_manifolds, draw_metrics
from vaerun.evaluation.report.comparison_page import write_comparison
from vaerun.evaluation.run_comparison import FinishedRun, Group
from vaerun.runs import manifest
from vaerun.runs.config import INCIDENTAL, RunConfig
from vaerun.runs.folder import RunFolder, create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.compared_runs import (
    common_folder,
    compared_runs,
    manifold_of,
    read_run,
    run_folders,
)
from vaerun.tasks.terminal import open_console, print_table
from vaerun.utils.arrays import write_arrays
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError, closest
from vaerun.utils.files import write_csv, write_text
from vaerun.utils.format import markdown_table

_PIPE_WIDTH = 200  # characters
_MOST_DRAWN = 40  # groups in the figures
_PAGE = "compare.html"

Arrays = dict[str, npt.NDArray[Any]]


def compare(config: RunConfig, request: RunRequest) -> Path:
    """Write `compare.html`, tables and figures of some runs; returns the folder they are in.

    Raises
    ------
    UserError
        If fewer than two finished runs are named, or a metric that none of them has.
    """
    assert isinstance(config.task, CompareConfig)
    console = open_console()
    runs = [read_run(folder) for folder in run_folders(config.run)]
    metrics = _metrics(config.task.metrics, runs)
    groups = comparison.grouped(runs, INCIDENTAL)
    head, rows = comparison.table(groups, metrics)
    folder = create_run_folder(config.out, "compare", "runs")
    facts = RunFacts(device="", data_fingerprint=fingerprint([]))
    with manifest.recorded(folder, request, facts):
        write_text(folder.path / "table.md", markdown_table(head, rows))
        _write_csv(folder.path / "table.csv", groups, metrics)
        _write_page(folder, runs, groups, metrics)
        drawn_groups = groups[:_MOST_DRAWN]
        arrays = _arrays(drawn_groups, metrics)
        write_arrays(folder.arrays, arrays)
        titles = [group.title for group in drawn_groups]
        values = comparison.values_by_label(drawn_groups, metrics)
        figures = {"metrics": draw_metrics(titles, values)}
        drawn = [i for i in range(len(titles)) if f"manifold_{i}" in arrays]
        if drawn:
            figures["manifolds"] = draw_manifolds(
                [titles[i] for i in drawn], [arrays[f"manifold_{i}"] for i in drawn]
            )
        save_figures(figures, folder.figures)
    _print(console, head, rows)
    if len(groups) > _MOST_DRAWN:
        console.print(f"figures show the first {_MOST_DRAWN} of {len(groups):,} rows")
    page = f"{len(runs):,} runs in {folder.path / _PAGE}"
    print_table(console, [("page", page), ("figures", str(folder.figures)),
                          ("table", f"{folder.path}/table.md")])  # fmt: skip
    return folder.path


def _write_page(
    folder: RunFolder,
    runs: Sequence[FinishedRun],
    groups: Sequence[Group],
    metrics: Sequence[str],
) -> None:
    """Write `compare.html`: a row for each run, with all settings that differ and all metrics."""
    settings = comparison.differing_settings(runs, INCIDENTAL)
    known = comparison.known_metrics(runs)
    write_comparison(
        folder.path / _PAGE,
        compared_runs(runs, settings, folder.path),
        shown_settings=[*groups[0].settings, "seed"],
        shown_metrics=metrics,
        metrics=[*metrics, *(name for name in known if _is_further(name, metrics))],
        title=f"{len(runs):,} runs compared",
        where=common_folder(runs),
    )


def _is_further(name: str, metrics: Sequence[str]) -> bool:
    """Whether a metric is a column to choose: no check, and none that is a column already."""
    return name not in metrics and not name.startswith("checks.")


def _metrics(asked: Sequence[str] | None, runs: Sequence[FinishedRun]) -> list[str]:
    """The metrics to show: those asked for, or those of the catalogue that any run has."""
    known = comparison.known_metrics(runs)
    for name in asked or []:
        if name not in known:
            raise UserError(
                f"task.metrics: none of the runs has {name}",
                f"did you mean {closest(name, known)}",
            )
    return list(asked or comparison.labelled_metrics(runs))


def _write_csv(path: Path, groups: Sequence[Group], metrics: Sequence[str]) -> None:
    """One row a run, so that other programs can take their own means."""
    rows = [
        [
            *group.settings.values(),
            run.config.get("seed"),
            run.name,
            *(comparison.exact(comparison.metric_of(run.metrics, m)) for m in metrics),
        ]
        for group in groups
        for run in group.runs
    ]
    write_csv(path, [*groups[0].settings, "seed", "run", *metrics], rows)


def _arrays(groups: Sequence[Group], metrics: Sequence[str]) -> Arrays:
    """Arrays behind the figures: metrics by group, and the manifold of each group's first run."""
    arrays: Arrays = {"groups": np.array([group.title for group in groups])}
    for metric in metrics:
        arrays |= {f"{metric}_{i}": np.array(g.values(metric)) for i, g in enumerate(groups)}
    for i, group in enumerate(groups):
        manifold = _manifold(RunFolder(Path(group.runs[0].name)))
        if manifold is not None:
            arrays[f"manifold_{i}"] = manifold
    return arrays


def _manifold(folder: RunFolder) -> npt.NDArray[Any] | None:
    """Decoded latent plane of a run; None where it has none."""
    if not folder.arrays.is_file():
        return None
    with np.load(folder.arrays, allow_pickle=False) as arrays:
        return manifold_of(arrays)


def _print(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if not console.is_terminal:  # lines in a pipe should not be folded at 80 characters
        console = Console(width=_PIPE_WIDTH)
    console.print(table)
