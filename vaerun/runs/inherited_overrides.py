"""What a task inherits from the run that it names: whatever said what that run's data were.

So ``task=encode run=… data.path=new.h5`` reads the new file as the run read its own.
"""

from collections.abc import Sequence

import yaml

from vaerun.config.overrides import group, split_override
from vaerun.runs.folder import RunFolder, open_run, read_config

_OF_DATA = ("data", "experiment", "seed")  # groups and keys
# What a run was told of its own files, which says nothing of others; how they are prepared holds.
_OF_FILES = frozenset(
    f"data.{name}"
    for name in ("path", "key", "label", "table", "factors", "points", "skip_unreadable",
                 "train_size", "val_size")
)  # fmt: skip
_TASKS = ("evaluate", "encode")


def with_inherited_data(overrides: Sequence[str]) -> list[str]:
    """What was typed, after what the run that it names was asked for of its data.

    Overrides that name no run are left as they are, and so are those that name other data.
    """
    typed = dict(split_override(text) for text in overrides)
    path = typed.get("run")
    if typed.get("task") not in _TASKS or path is None or path[:1] in "['\"":
        return list(overrides)
    folder = open_run(path)
    if typed.get("data", _name_of_data(folder)) != _name_of_data(folder):
        return list(overrides)
    own = [text for text in _own_overrides(folder) if group(text) in _OF_DATA]
    left_out = {*typed, *(_OF_FILES if "data.path" in typed else ())}
    return [*(text for text in own if split_override(text)[0] not in left_out), *overrides]


def _name_of_data(folder: RunFolder) -> str:
    data = read_config(folder).get("data")
    return str(data.get("name")) if isinstance(data, dict) else ""


def _own_overrides(folder: RunFolder) -> list[str]:
    """What was typed for a run; nothing where it does not say."""
    try:
        typed = yaml.safe_load(folder.overrides.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return []
    return [str(text) for text in typed] if isinstance(typed, list) else []
