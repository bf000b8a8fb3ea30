"""Overrides that a task inherits from the run that it names: those of the run's data.

So ``task=encode run=… data.path=new.h5`` prepares the new file as the run prepared its own, and
training with ``data.from_run=…`` has the data of that run.
"""

from collections.abc import Sequence

import yaml

from vaerun.config.overrides import group, parse
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.own_paths import own_path
from vaerun.utils.errors import UserError

_GROUPS = ("data", "experiment", "seed")  # groups and keys that determine the data
_TASKS = ("evaluate", "encode")
_SELECTING = {"data.keep", "data.drop", "data.from_run"}  # images of the first data set, not here


def with_inherited_data(overrides: Sequence[str]) -> list[str]:
    """The overrides of a command, after those of the data of the run that it names.

    Overrides that name no run, or data of another name, are returned as they are.
    """
    typed = _values(overrides)
    path = typed.get("run")
    if typed.get("task") not in _TASKS or not isinstance(path, str):
        return list(overrides)
    folder = open_run(path)
    if typed.get("data", _name_of_data(folder)) != _name_of_data(folder):
        return list(overrides)
    left_out = set(typed)
    if "data.path" in typed:
        from vaerun.runs.config import keys_affecting  # imports torch

        left_out |= keys_affecting("files", "selection")
    return [*_inherited(folder, left_out), *overrides]


def with_data_of_run(overrides: Sequence[str]) -> list[str]:
    """The overrides of a training, after those of the data and seed of ``data.from_run``.

    Overrides that name no such run, or data of another name, are returned as they are. How that
    run selected its images is not inherited: which ones it used, is in its `latents.h5`.
    """
    typed = _values(overrides)
    path = typed.get("data.from_run")
    if typed.get("task", "train") != "train" or not isinstance(path, str):
        return list(overrides)
    folder = open_run(path)
    if typed.get("data", _name_of_data(folder)) != _name_of_data(folder):
        return list(overrides)
    inherited = _inherited(folder, set(typed) | _SELECTING, ("data", "seed"))
    if "data" not in typed and not any(text.startswith("data=") for text in inherited):
        inherited = [f"data={_name_of_data(folder)}", *inherited]
    return [*inherited, *overrides]


def inherited_from_run(overrides: Sequence[str], typed: Sequence[str]) -> list[str]:
    """Those of the overrides of a training that are of ``data.from_run``, and were not typed."""
    path = _values(overrides).get("data.from_run")
    own = with_data_of_run([f"data.from_run={path}"])[:-1] if isinstance(path, str) else []
    return [text for text in own if text in overrides and text not in typed]


def _inherited(
    folder: RunFolder, left_out: set[str], groups: Sequence[str] = _GROUPS
) -> list[str]:
    """The overrides of a run's data less some keys; relative paths as they are reached here."""
    inherited = []
    for text in read_overrides(folder):
        override = parse(text)
        name, value = override.key_or_group, override.value()
        if group(text) not in groups or name in left_out:
            continue
        key = name.removeprefix("data.")
        if key != name and isinstance(value, str) and (found := own_path(folder, key, value)):
            text = text if found == value else f"{name}={found}"
        inherited.append(text)
    return inherited


def _values(overrides: Sequence[str]) -> dict[str, object]:
    """The value of each override by its name; none of those that cannot be read."""
    values: dict[str, object] = {}
    for text in overrides:
        try:
            override = parse(text)
        except UserError:
            continue
        if not override.is_sweep_override():
            values[override.key_or_group] = override.value()
    return values


def _name_of_data(folder: RunFolder) -> str:
    data = read_config(folder).get("data")
    return str(data.get("name")) if isinstance(data, dict) else ""


def read_overrides(folder: RunFolder) -> list[str]:
    """The overrides of a run; none where its file cannot be read."""
    try:
        typed = yaml.safe_load(folder.overrides.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return []
    return [str(text) for text in typed] if isinstance(typed, list) else []
