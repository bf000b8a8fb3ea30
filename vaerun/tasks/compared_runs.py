"""Finished runs that `task=compare` is asked for: found, read, and prepared for the page."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from vaerun.data.io.formats import natural_order
from vaerun.evaluation.report.comparison_page import ComparedRun
from vaerun.evaluation.report.run_thumbnails import manifold_thumbnail, plane_thumbnail
from vaerun.evaluation.run_comparison import FinishedRun
from vaerun.runs.folder import RunFolder, read_config
from vaerun.utils.errors import UserError, format_value
from vaerun.utils.paths import matching_paths

_SIDE, _LEAST_SIDE = 160, 64  # pixels of a thumbnail: of few runs, and of very many
_FEW = 100  # runs with thumbnails of full size

log = logging.getLogger(__name__)


def run_folders(asked: str | Sequence[str] | None) -> list[RunFolder]:
    """The finished runs that some paths or globs name, each once, in natural order.

    A folder that is no run stands for all trained runs below it.

    Raises
    ------
    UserError
        If a path or glob matches nothing, or fewer than two of the runs have finished.
    """
    patterns = [asked] if isinstance(asked, str) else list(asked or [])
    folders: dict[Path, RunFolder] = {}
    for pattern in patterns:
        paths = sorted(matching_paths(pattern), key=natural_order)
        matched = [run for path in paths for run in _runs_at(path)]
        if not matched:
            raise UserError(
                f"run={pattern} matches no run folder",
                "give run folders, a folder of them, or a glob, as in run='outputs/rvae/*/*'",
            )
        folders |= {f.path.resolve(): f for f in matched}
    finished = [folder for folder in folders.values() if folder.metrics_json.is_file()]
    if len(finished) < 2:
        raise UserError(
            f"run={format_value(asked)} names {len(finished)} finished run(s) of {len(folders)}",
            "give two or more that have a metrics.json",
        )
    return finished


def _runs_at(path: Path) -> list[RunFolder]:
    """The run in a folder, or the runs that were trained below it."""
    run = RunFolder(path)
    if run.config.is_file():
        return [run]
    if not path.is_dir():
        return []
    below = sorted((p.parent for p in path.rglob("config.yaml")), key=natural_order)
    runs = [one for one in map(RunFolder, below) if one.metrics_json.is_file()]
    trained = [one for one in runs if one.last_checkpoint.is_file()]
    if left_out := len(runs) - len(trained):
        log.info(f"{left_out:,} runs below {path} evaluate others, and are left out")
    return trained


def read_run(folder: RunFolder) -> FinishedRun:
    """Config and metrics of a run; a `UserError` if they cannot be read."""
    try:
        metrics = json.loads(folder.metrics_json.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        metrics = None
    if not isinstance(metrics, dict):
        raise UserError(f"{folder.metrics_json} is not readable JSON", "leave it out")
    return FinishedRun(name=str(folder.path), config=read_config(folder), metrics=metrics)


def compared_runs(
    runs: Sequence[FinishedRun], settings: Sequence[Mapping[str, str]], page: Path
) -> list[ComparedRun]:
    """The rows of a page in a folder: settings, metrics and pictures of each run."""
    base = common_folder(runs)
    side = int(np.clip(_SIDE * (_FEW / len(runs)) ** 0.5, _LEAST_SIDE, _SIDE))
    return [
        ComparedRun(
            name=os.path.relpath(run.name, base) if base else run.name,
            report=_address(RunFolder(Path(run.name)).report, page),
            settings=own,
            metrics=run.metrics,
            pictures=_pictures(RunFolder(Path(run.name)), side),
        )
        for run, own in zip(runs, settings, strict=True)
    ]


def common_folder(runs: Sequence[FinishedRun]) -> str:
    """The folder that all runs are in; empty where there is none but the root or here."""
    paths = [Path(run.name) for run in runs]
    if len({path.is_absolute() for path in paths}) > 1:
        return ""
    base = os.path.commonpath([path.parent for path in paths])
    return "" if base == os.path.sep else base


def manifold_of(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any] | None:
    """Decoded latent plane of a run, (R, K, C, H, W); with classes, the middle row of each."""
    if "manifold" in arrays:
        return np.asarray(arrays["manifold"])
    maps: list[npt.NDArray[Any]] = []
    while f"manifold_class_{len(maps)}" in arrays:
        maps.append(arrays[f"manifold_class_{len(maps)}"])
    return np.stack([rows[len(rows) // 2] for rows in maps]) if maps else None


def _address(report: Path, page: Path) -> str:
    """Address of a report relative to the folder of a page; empty if it is not there."""
    if not report.is_file():
        return ""
    return quote(Path(os.path.relpath(report.resolve(), page.resolve())).as_posix())


def _pictures(folder: RunFolder, side: int) -> dict[str, str]:
    """Thumbnails of a run by name, as far as its arrays have what they show."""
    if not folder.arrays.is_file():
        return {}
    pictures = {}
    with np.load(folder.arrays, allow_pickle=False) as arrays:
        manifold = manifold_of(arrays)
        if manifold is not None:
            pictures["manifold"] = manifold_thumbnail(manifold, side)
        if "latent_z" in arrays and len(arrays["latent_z"]):
            names = ("latent_z", "latent_label", "latent_predicted")
            some = {name: arrays[name] for name in names if name in arrays}
            pictures["plane"] = plane_thumbnail(some, side)
    return pictures
