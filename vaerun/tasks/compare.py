"""`task=compare`: finished runs side by side, as a table and as figures.

vaerun task=compare run='[outputs/rvae/cards_iv/*,outputs/vae/cards_iv/*]'
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from vaerun.config.task import CompareConfig
from vaerun.data.io.formats import natural_order
from vaerun.evaluation import run_comparison as comparison
from vaerun.evaluation.figures import save_figures
from vaerun.evaluation.figures.run_comparison import draw_manifolds, draw_metrics
from vaerun.evaluation.metrics import catalogue
from vaerun.evaluation.run_comparison import FinishedRun, Group
from vaerun.runs import manifest
from vaerun.runs.config import INCIDENTAL, RunConfig
from vaerun.runs.folder import RunFolder, create_run_folder, read_config
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import print_table
from vaerun.utils.errors import UserError, closest, format_value
from vaerun.utils.files import atomic_path, write_text

_WIDTH_OF_A_PIPE = 200  # characters

Arrays = dict[str, npt.NDArray[Any]]


def compare(config: RunConfig, job: RunRequest) -> Path:
    """Write `table.md`, `table.csv` and figures of some runs; returns the folder they are in.

    Raises
    ------
    UserError
        If fewer than two finished runs are named, or a metric that none of them has.
    """
    assert isinstance(config.task, CompareConfig)
    console = Console()
    folders = _found(config.run)
    finished = [_read(folder) for folder in folders]
    metrics = _metrics(config.task.metrics, finished)
    groups = comparison.grouped(finished, INCIDENTAL)
    head, rows = comparison.table(groups, metrics)
    folder = create_run_folder(config.out, "compare", "runs")
    about = RunFacts(device="", data_fingerprint=manifest.fingerprint([]))
    with manifest.recorded(folder, job, about):
        write_text(folder.path / "table.md", _markdown(head, rows))
        _write_csv(folder.path / "table.csv", groups, metrics)
        arrays = _arrays(groups, metrics)
        with atomic_path(folder.arrays) as path:
            np.savez_compressed(path, allow_pickle=False, **arrays)
        titles = [group.title for group in groups]
        figures = {"metrics": draw_metrics(titles, _by_title(groups, metrics))}
        drawn = [i for i in range(len(groups)) if f"manifold_{i}" in arrays]
        if drawn:
            figures["manifolds"] = draw_manifolds(
                [titles[i] for i in drawn], [arrays[f"manifold_{i}"] for i in drawn]
            )
        save_figures(figures, folder.figures)
    _print(console, head, rows)
    print_table(console, [("figures", str(folder.figures)), ("table", f"{folder.path}/table.md")])
    return folder.path


def _found(asked: str | Sequence[str] | None) -> list[RunFolder]:
    """The finished runs that some paths or globs name, each once, in natural order."""
    patterns = [asked] if isinstance(asked, str) else list(asked or [])
    folders: dict[Path, RunFolder] = {}
    for pattern in patterns:
        paths = sorted(_matching(pattern), key=natural_order)
        some = [RunFolder(path) for path in paths if RunFolder(path).config.is_file()]
        if not some:
            mend = "give run folders or globs, as in run='[outputs/rvae/cards_iv/*]'"
            raise UserError(f"run={pattern} matches no run folder", mend)
        folders |= {f.path.resolve(): f for f in some}
    found = [folder for folder in folders.values() if folder.metrics_json.is_file()]
    if len(found) < 2:
        raise UserError(
            f"run={format_value(asked)} names {len(found)} finished run(s) of {len(folders)}",
            "give two or more that have a metrics.json",
        )
    return found


def _matching(pattern: str) -> list[Path]:
    given = Path(pattern).expanduser()
    try:
        return list(Path(given.anchor).glob(str(given.relative_to(given.anchor))))
    except (ValueError, OSError):  # no pattern
        return []


def _read(folder: RunFolder) -> FinishedRun:
    try:
        metrics = json.loads(folder.metrics_json.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{folder.metrics_json} is not readable JSON", "leave it out") from None
    return FinishedRun(name=str(folder.path), config=read_config(folder), metrics=metrics)


def _metrics(asked: Sequence[str] | None, finished: Sequence[FinishedRun]) -> list[str]:
    """The metrics to show: those asked for, or the telling ones that any run has."""
    known = comparison.known_metrics(finished)
    for name in asked or []:
        if name not in known:
            raise UserError(
                f"task.metrics: none of the runs has {name}",
                f"did you mean {closest(name, known)}",
            )
    return list(asked or [name for name in catalogue.COMPARED if name in known])


def _by_title(groups: Sequence[Group], metrics: Sequence[str]) -> dict[str, list[list[float]]]:
    """Values of each group by what people call the metric."""
    return {catalogue.label_of(m): [g.values(m) for g in groups] for m in metrics}


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |\n" for line in lines)


def _write_csv(path: Path, groups: Sequence[Group], metrics: Sequence[str]) -> None:
    """One row a run, so that any program can take means of its own."""
    keys = list(groups[0].settings)
    with atomic_path(path) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*keys, "seed", "run", *metrics])
        for group in groups:
            for run in group.runs:
                values = (comparison.metric_of(run.metrics, metric) for metric in metrics)
                numbers = ("" if value is None else f"{value:.10g}" for value in values)
                writer.writerow(
                    [*group.settings.values(), run.config.get("seed"), run.name, *numbers]
                )


def _arrays(groups: Sequence[Group], metrics: Sequence[str]) -> Arrays:
    """Those of the figures: each metric's values by group, and the manifold of its first run."""
    arrays: Arrays = {"groups": np.array([group.title for group in groups])}
    for metric in metrics:
        arrays |= {f"{metric}_{i}": np.array(g.values(metric)) for i, g in enumerate(groups)}
    for i, group in enumerate(groups):
        manifold = _manifold(RunFolder(Path(group.runs[0].name)))
        if manifold is not None:
            arrays[f"manifold_{i}"] = manifold
    return arrays


def _manifold(folder: RunFolder) -> npt.NDArray[Any] | None:
    """What the plane of a run decodes to, (R, K, C, H, W); with classes a row of each."""
    if not folder.arrays.is_file():
        return None
    with np.load(folder.arrays, allow_pickle=False) as held:
        if "manifold" in held:
            return np.asarray(held["manifold"])
        maps: list[npt.NDArray[Any]] = []
        while f"manifold_class_{len(maps)}" in held:
            maps.append(held[f"manifold_class_{len(maps)}"])
    return np.stack([rows[len(rows) // 2] for rows in maps]) if maps else None


def _print(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if not console.is_terminal:  # whoever reads a pipe wants whole lines
        console = Console(width=_WIDTH_OF_A_PIPE)
    console.print(table)
