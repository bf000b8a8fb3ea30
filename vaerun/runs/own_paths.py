"""Relative paths in a run's config, found from wherever the run is used."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vaerun.data.query import names_file
from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.manifest import read_manifest
from vaerun.utils.errors import UserError
from vaerun.utils.paths import expanded, matching_paths

_KEYS = ("path", "target_path", "table", "points", "keep", "drop", "from_run", "root")  # of data
_MAY_BE_QUERIES = ("keep", "drop")
_RUN_PARTS = 3  # of <model>/<data>/version_<k>


def found_data(folder: RunFolder, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data group of a run's config, its relative paths replaced where they lead nowhere here.

    Raises
    ------
    UserError
        If a file of the run is in none of the places where it may be.
    """
    own = {key: data[key] for key in _KEYS if isinstance(data.get(key), str)}
    return {**data, **{key: own_path(folder, key, value) for key, value in own.items()}}


def with_typed_paths(
    folder: RunFolder, own: Mapping[str, Any], typed: Mapping[str, Any]
) -> dict[str, Any]:
    """The data group of a run's config, paths written as typed here where they mean the same."""
    same = {}
    for key in _KEYS:
        value, other = own.get(key), typed.get(key)
        if isinstance(value, str) and isinstance(other, str) and value != other:
            with contextlib.suppress(UserError):
                found = own_path(folder, key, value)
                if os.path.realpath(expanded(found)) == os.path.realpath(expanded(other)):
                    same[key] = other
    return {**own, **same}


def own_path(folder: RunFolder, key: str, value: str) -> str:
    """A path of a run's config as it is reached from here.

    A relative one is looked for in the folder that the run was begun in, in the folder that now
    holds its ``out``, here, and in the folders that the run folder is in.

    Parameters
    ----------
    folder
        The run folder.
    key
        Key of the data group.
    value
        Path or glob, as in the config.
    """
    if key not in _KEYS or expanded(value).is_absolute():
        return value
    if key in _MAY_BE_QUERIES and not names_file(value):
        return value
    homes = list(dict.fromkeys(_homes(folder)))
    for home in homes:
        if matching_paths(home / value):
            return value if home == Path.cwd() else str(home / value)
    if key == "root":
        return value
    places = ", ".join(map(str, homes[:2]))
    raise UserError(
        f"data.{key}={value} of {folder.path} is not there (looked for in {places})",
        f"say where it is now, as in data.{key}=/folder/{Path(value).name}",
    )


def _homes(folder: RunFolder) -> Iterator[Path]:
    """Folders that the relative paths of a run may start from, the likeliest first."""
    begun_in = read_manifest(folder).get("working_directory")
    if isinstance(begun_in, str):
        yield Path(begun_in)
    place = Path(os.path.abspath(folder.path))  # noqa: PTH100  links stay as they are
    out = expanded(str(read_config(folder).get("out")))
    base = place.parents[min(_RUN_PARTS, len(place.parents)) - 1]
    if not out.is_absolute() and base.parts[-len(out.parts) :] == out.parts:
        yield Path(*base.parts[: len(base.parts) - len(out.parts)])
    yield Path.cwd()
    yield from place.parents
