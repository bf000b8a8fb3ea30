"""What a sweep consists of, kept in its folder; found again by its trials, or begun."""

import datetime
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from vaerun.runs.resume import same_run
from vaerun.utils.errors import UserError
from vaerun.utils.files import file_lock, write_text

Plain = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One of the runs.

    Attributes
    ----------
    number
        From 1.
    overrides
        As typed for one run.
    plain
        The composed config.
    """

    number: int
    overrides: list[str]
    plain: Plain


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All of the runs.

    Attributes
    ----------
    folder
        Where the sweep is kept.
    command
        What was typed, word by word.
    trials
        In the order of the command.
    older
        Run folders that were there before it began, by the folder that they are in: no trial's.
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
        """A file about one trial."""
        width = max(len(str(len(self.trials))), 2)
        return self.folder / "trials" / f"{trial.number:0{width}d}{suffix}"

    def title(self, trial: Trial) -> str:
        """The overrides that tell a trial from the others, or all if none does."""
        others = [set(other.overrides) for other in self.trials]
        telling = [text for text in trial.overrides if not all(text in one for one in others)]
        return " ".join(telling or trial.overrides)


def find_or_begin(parent: Path, sweep: Sweep, name: str | None, *, fresh: bool) -> Sweep:
    """The newest sweep of the same trials, or the one that is given, in a folder of its own.

    Parameters
    ----------
    parent
        The folder of sweeps.
    sweep
        What was asked for; its folder and older runs are yet to be found.
    name
        Of the folder; None for the date.
    fresh
        Whether to pass by what was begun before.
    """
    try:
        (parent).mkdir(parents=True, exist_ok=True)
        with file_lock(parent / ".lock"):  # many may give the same command at the same instant
            found = None if fresh else _found(parent, sweep, name)
            if found is None:
                return _begin(parent, sweep, name)
    except OSError as error:
        raise UserError(
            f"out={parent.parent} cannot hold a sweep ({error.strerror}: {error.filename})",
            "give a folder that can be written to, such as out=outputs",
        ) from error
    return found


def open_sweep(folder: Path) -> Sweep:
    """A sweep that was begun, or a `UserError` if there is none in a folder."""
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
            older=head["older"],
            metric=head["metric"],
            minimise=head["minimise"],
        )
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(
            f"sweep.folder={folder} holds no sweep that can be read",
            "give one such as outputs/multirun/2026-01-31_12-00-00",
        ) from error


def judged_by(sweep: Sweep, metric: str, *, minimise: bool) -> Sweep:
    """The same sweep with another metric, kept for the next time."""
    changed = replace(sweep, metric=metric, minimise=minimise)
    if changed != sweep:
        _write_head(changed)
    return changed


def same_trial(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two configs ask for the same of the same runs, wherever it is kept."""
    return same_run(first, second) and first["run"] == second["run"]


def place_of_runs(plain: Mapping[str, Any]) -> Path | None:
    """The folder that runs of a config are versioned in; None where a task chooses its own."""
    if plain["task"]["name"] != "train":
        return None
    return Path(plain["out"]).expanduser() / plain["model"]["name"] / plain["data"]["name"]


def _found(parent: Path, sweep: Sweep, name: str | None) -> Sweep | None:
    """The newest sweep with the same trials in any order, under the name if one is given."""
    heads = sorted(parent.glob("*/sweep.yaml"), key=lambda path: path.parent.stat().st_ctime_ns)
    for head in reversed(heads):
        if name is not None and head.parent.name != name:
            continue
        try:
            other = open_sweep(head.parent)
        except UserError:
            continue
        if _same_trials(sweep.trials, other.trials):
            return other
    if name is not None and (parent / name).exists():
        raise UserError(
            f"sweep.name={name} is the name of a sweep of other trials, {parent / name}",
            "give another name",
        )
    return None


def _same_trials(some: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether each trial of one sweep is one of the other."""
    if len(some) != len(others):
        return False
    left = list(others)
    for trial in some:
        twin = next((other for other in left if same_trial(trial.plain, other.plain)), None)
        if twin is None:
            return False
        left.remove(twin)
    return True


def _begin(parent: Path, sweep: Sweep, name: str | None) -> Sweep:
    """Make the folder; what is in it is whole before `sweep.yaml` appears."""
    base = name or datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder, number = parent / base, 2
    while folder.exists():
        folder, number = parent / f"{base}_{number}", number + 1
    (folder / "trials").mkdir(parents=True)
    older = {}
    for place in {place_of_runs(trial.plain) for trial in sweep.trials} - {None}:
        older[str(place)] = sorted(path.name for path in place.glob("version_*")) if place else []
    begun = replace(sweep, folder=folder, older=older)
    configs = [trial.plain for trial in sweep.trials]
    write_text(folder / "configs.json", json.dumps(configs, ensure_ascii=False) + "\n")
    _write_head(begun)
    return begun


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
