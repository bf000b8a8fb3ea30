"""`task=compare`: finished runs side by side, as a table and as figures.

vaerun task=compare run='[outputs/rvae/cards_iv/*,outputs/vae/cards_iv/*]'
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vaerun.config.task import CompareConfig
from vaerun.data.io.formats import natural_order
from vaerun.evaluation import run_comparison as comparison
from vaerun.evaluation.figures import save_figures
from vaerun.evaluation.figures.run_comparison import draw_manifolds, draw_metrics
from vaerun.evaluation.run_comparison import FinishedRun, Group
from vaerun.runs import manifest
from vaerun.runs.config import INCIDENTAL, RunConfig
from vaerun.runs.folder import RunFolder, create_run_folder, read_config
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import print_table
from vaerun.utils.arrays import write_arrays
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError, closest, format_value
from vaerun.utils.files import write_csv, write_text
from vaerun.utils.format import markdown_table
from vaerun.utils.paths import matching_paths

_PIPE_WIDTH = 200  # characters

Arrays = dict[str, npt.NDArray[Any]]


def compare(config: RunConfig, request: RunRequest) -> Path:
    """Write `table.md`, `table.csv` and figures of some runs; returns the folder they are in.

    Raises
    ------
    UserError
        If fewer than two finished runs are named, or a metric that none of them has.
    """
    assert isinstance(config.task, CompareConfig)
    console = Console()
    runs = [_read(folder) for folder in _run_folders(config.run)]
    metrics = _metrics(config.task.metrics, runs)
    groups = comparison.grouped(runs, INCIDENTAL)
    head, rows = comparison.table(groups, metrics)
    folder = create_run_folder(config.out, "compare", "runs")
    facts = RunFacts(device="", data_fingerprint=fingerprint([]))
    with manifest.recorded(folder, request, facts):
        write_text(folder.path / "table.md", markdown_table(head, rows))
        _write_csv(folder.path / "table.csv", groups, metrics)
        arrays = _arrays(groups, metrics)
        write_arrays(folder.arrays, arrays)
        titles = [group.title for group in groups]
        figures = {"metrics": draw_metrics(titles, comparison.values_by_label(groups, metrics))}
        drawn = [i for i in range(len(groups)) if f"manifold_{i}" in arrays]
        if drawn:
            figures["manifolds"] = draw_manifolds(
                [titles[i] for i in drawn], [arrays[f"manifold_{i}"] for i in drawn]
            )
        save_figures(figures, folder.figures)
    _print(console, head, rows)
    print_table(console, [("figures", str(folder.figures)), ("table", f"{folder.path}/table.md")])
    return folder.path


def _run_folders(asked: str | Sequence[str] | None) -> list[RunFolder]:
    """The finished runs that some paths or globs name, each once, in natural order."""
    patterns = [asked] if isinstance(asked, str) else list(asked or [])
    folders: dict[Path, RunFolder] = {}
    for pattern in patterns:
        paths = sorted(matching_paths(pattern), key=natural_order)
        matched = [RunFolder(path) for path in paths if RunFolder(path).config.is_file()]
        if not matched:
            raise UserError(
                f"run={pattern} matches no run folder",
                "give run folders or globs, as in run='[outputs/rvae/cards_iv/*]'",
            )
        folders |= {f.path.resolve(): f for f in matched}
    finished = [folder for folder in folders.values() if folder.metrics_json.is_file()]
    if len(finished) < 2:
        raise UserError(
            f"run={format_value(asked)} names {len(finished)} finished run(s) of {len(folders)}",
            "give two or more that have a metrics.json",
        )
    return finished


def _read(folder: RunFolder) -> FinishedRun:
    try:
        metrics = json.loads(folder.metrics_json.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{folder.metrics_json} is not readable JSON", "leave it out") from None
    return FinishedRun(name=str(folder.path), config=read_config(folder), metrics=metrics)


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
    """Decoded latent plane of a run, (R, K, C, H, W); with classes, the middle row of each."""
    if not folder.arrays.is_file():
        return None
    with np.load(folder.arrays, allow_pickle=False) as arrays:
        if "manifold" in arrays:
            return np.asarray(arrays["manifold"])
        maps: list[npt.NDArray[Any]] = []
        while f"manifold_class_{len(maps)}" in arrays:
            maps.append(arrays[f"manifold_class_{len(maps)}"])
    return np.stack([rows[len(rows) // 2] for rows in maps]) if maps else None


def _print(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if not console.is_terminal:  # lines in a pipe should not be folded at 80 characters
        console = Console(width=_PIPE_WIDTH)
    console.print(table)
