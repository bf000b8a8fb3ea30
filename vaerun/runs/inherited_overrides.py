"""Overrides that a task inherits from the run that it names: those of the run's data.

So ``task=encode run=… data.path=new.h5`` prepares the new file as the run prepared its own.
"""

from collections.abc import Sequence

import yaml

from vaerun.config.overrides import group, parse
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.own_paths import own_path
from vaerun.utils.errors import UserError

_GROUPS = ("data", "experiment", "seed")  # groups and keys that determine the data
_TASKS = ("evaluate", "encode")


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


def _inherited(folder: RunFolder, left_out: set[str]) -> list[str]:
    """The overrides of a run's data less some keys; relative paths as they are reached here."""
    inherited = []
    for text in read_overrides(folder):
        override = parse(text)
        name, value = override.key_or_group, override.value()
        if group(text) not in _GROUPS or name in left_out:
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
