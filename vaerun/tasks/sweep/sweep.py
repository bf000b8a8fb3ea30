"""A sweep and its trials, saved in a folder: create it, open it, find it again by its trials."""

import datetime
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from vaerun.runs.resume import same_run
from vaerun.tasks.sweep.settings import SweepConfig
from vaerun.utils.errors import UserError
from vaerun.utils.files import file_lock, write_text
from vaerun.utils.paths import exists, expanded, missing


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run of a sweep: its number from 1, its overrides as typed, its composed config."""

    number: int
    overrides: list[str]
    plain: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All runs of one command, in its order.

    Attributes
    ----------
    older
        Names of the run folders that existed before the sweep, by parent: no trial's.
    metric, minimise
        What the best run is best in, and whether less of it is better.
    """

    folder: Path
    command: list[str]
    trials: list[Trial]
    older: Mapping[str, list[str]]
    metric: str
    minimise: bool

    def file(self, trial: Trial, suffix: str) -> Path:
        """The file of a trial with this suffix."""
        width = max(len(str(len(self.trials))), 2)
        return self.folder / "trials" / f"{trial.number:0{width}d}{suffix}"

    def title(self, trial: Trial) -> str:
        """The overrides that not all trials share, or all if there is none."""
        others = [set(other.overrides) for other in self.trials]
        own = [text for text in trial.overrides if not all(text in one for one in others)]
        return " ".join(own or trial.overrides)


def find_or_create(trials: list[Trial], command: list[str], settings: SweepConfig) -> Sweep:
    """The newest sweep of the same trials, unless `settings.fresh`; else a new one."""
    parent = Path(trials[0].plain["out"]).expanduser() / "multirun"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with file_lock(parent / ".lock"):  # the same command may be started many times at once
            existing = None if settings.fresh else _find(parent, trials, settings.name)
            return existing or _create(parent, trials, command, settings)
    except OSError as error:
        raise UserError(
            f"out={parent.parent} cannot hold a sweep ({error.strerror}: {error.filename})",
            "give a folder that can be written to, such as out=outputs",
        ) from error


def open_sweep(folder: Path) -> Sweep:
    """Read the sweep in a folder, or raise a `UserError` if there is none."""
    folder = expanded(folder)
    if not exists(folder):
        hint = "give one such as outputs/multirun/2026-01-31_12-00-00"
        what = f"sweep.folder={folder} holds no sweep that can be read: it is not there"
        raise missing(what, folder, hint)
    try:
        head = yaml.safe_load((folder / "sweep.yaml").read_text(encoding="utf-8"))
        configs = json.loads((folder / "configs.json").read_text(encoding="utf-8"))
        trials = [
            Trial(number=i, overrides=shlex.split(text), plain=plain)
            for i, (text, plain) in enumerate(zip(head["trials"], configs, strict=True), 1)
        ]
        return Sweep(
            folder=folder,
            command=shlex.split(head["command"]),
            trials=trials,
            **{name: head[name] for name in ("older", "metric", "minimise")},
        )
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(
            f"sweep.folder={folder} holds no sweep that can be read",
            "give one such as outputs/multirun/2026-01-31_12-00-00",
        ) from error


def with_metric(sweep: Sweep, metric: str, *, minimise: bool) -> Sweep:
    """The same sweep ranked by another metric, which is saved."""
    changed = replace(sweep, metric=metric, minimise=minimise)
    if changed != sweep:
        _write_head(changed)
    return changed


def same_trial(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two configs ask for the same of the same runs, whatever their output folder."""
    return same_run(first, second) and first["run"] == second["run"]


def parent_of_runs(plain: Mapping[str, Any]) -> Path | None:
    """The parent of the run folders of a config; None for a task other than training."""
    if plain["task"]["name"] != "train":
        return None
    return Path(plain["out"]).expanduser() / plain["model"]["name"] / plain["data"]["name"]


def _find(parent: Path, trials: Sequence[Trial], name: str | None) -> Sweep | None:
    """The newest sweep with the same trials in any order, of this name if one is given."""
    heads = sorted(parent.glob("*/sweep.yaml"), key=lambda path: path.parent.stat().st_ctime_ns)
    for head in reversed(heads):
        if name is not None and head.parent.name != name:
            continue
        try:
            other = open_sweep(head.parent)
        except UserError:
            continue
        if _same_trials(trials, other.trials):
            return other
    if name is not None and (parent / name).exists():
        raise UserError(
            f"sweep.name={name} is the name of a sweep of other trials, {parent / name}",
            "give another name",
        )
    return None


def _same_trials(some: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether the trials of two sweeps can be paired."""
    left = list(others)
    for trial in some:
        twin = next((other for other in left if same_trial(trial.plain, other.plain)), None)
        if twin is None:
            return False
        left.remove(twin)
    return not left


def _create(parent: Path, trials: list[Trial], command: list[str], settings: SweepConfig) -> Sweep:
    """Create the folder; `sweep.yaml` is written last, once everything else is there."""
    base = settings.name or datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder, number = parent / base, 2
    while folder.exists():
        folder, number = parent / f"{base}_{number}", number + 1
    (folder / "trials").mkdir(parents=True)
    places = {place for trial in trials if (place := parent_of_runs(trial.plain))}
    sweep = Sweep(
        folder=folder,
        command=command,
        trials=trials,
        older={str(p): sorted(path.name for path in p.glob("version_*")) for p in places},
        metric=settings.metric,
        minimise=settings.less_is_better,
    )
    configs = [trial.plain for trial in trials]
    write_text(folder / "configs.json", json.dumps(configs, ensure_ascii=False) + "\n")
    _write_head(sweep)
    return sweep


def _write_head(sweep: Sweep) -> None:
    head = {
        "command": shlex.join(sweep.command),
        "metric": sweep.metric,
        "minimise": sweep.minimise,
        "trials": [shlex.join(trial.overrides) for trial in sweep.trials],
        "older": dict(sweep.older),
    }
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000)
    write_text(sweep.folder / "sweep.yaml", text)
