"""Overrides that a task inherits from the run that it names: those of the run's data.

So ``task=encode run=… data.path=new.h5`` prepares the new file as the run prepared its own.
"""

from collections.abc import Sequence

import yaml

from vaerun.config.overrides import group, split_override
from vaerun.runs.folder import RunFolder, open_run, read_config

_GROUPS = ("data", "experiment", "seed")  # groups and keys that determine the data
_TASKS = ("evaluate", "encode")


def with_inherited_data(overrides: Sequence[str]) -> list[str]:
    """The overrides of a command, after those of the data of the run that it names.

    Overrides that name no run, or data of another name, are returned as they are.
    """
    typed = dict(split_override(text) for text in overrides)
    path = typed.get("run")
    if typed.get("task") not in _TASKS or path is None or path[:1] in "['\"":
        return list(overrides)
    folder = open_run(path)
    if typed.get("data", _name_of_data(folder)) != _name_of_data(folder):
        return list(overrides)
    left_out = set(typed)
    if "data.path" in typed:
        from vaerun.runs.config import keys_affecting  # imports torch

        left_out |= keys_affecting("files", "selection")
    own = [text for text in _own_overrides(folder) if group(text) in _GROUPS]
    return [*(text for text in own if split_override(text)[0] not in left_out), *overrides]


def _name_of_data(folder: RunFolder) -> str:
    data = read_config(folder).get("data")
    return str(data.get("name")) if isinstance(data, dict) else ""


def _own_overrides(folder: RunFolder) -> list[str]:
    """The overrides of a run; none where its file cannot be read."""
    try:
        typed = yaml.safe_load(folder.overrides.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return []
    return [str(text) for text in typed] if isinstance(typed, list) else []
