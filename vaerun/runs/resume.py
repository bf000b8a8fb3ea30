"""Which unfinished run is the same run, and can be resumed."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaerun.config.schema import without
from vaerun.runs.config import keys_affecting
from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.manifest import read_manifest
from vaerun.runs.own_paths import with_typed_paths
from vaerun.utils.errors import UserError


def unfinished(
    out: str | Path, model: str, data: str, plain: Mapping[str, Any]
) -> RunFolder | None:
    """The newest run of a config that stopped early; it may have saved no checkpoint."""
    parent = Path(out).expanduser() / model / data
    folders = [RunFolder(path) for path in sorted(parent.glob("version_*"), key=_version)]
    manifests = {folder: read_manifest(folder) for folder in folders}
    for folder in reversed(folders):
        manifest = manifests[folder]
        if (
            manifest.get("status") in ("running", "interrupted", "failed")
            and folder.config.is_file()
            and not _alive(manifest)
            and is_run_of(folder, plain)
        ):
            return folder
    return None


def check_resumable(folder: RunFolder, plain: Mapping[str, Any]) -> None:
    """Raise a `UserError` unless the run in a folder can be resumed under a config."""
    manifest = read_manifest(folder)
    if manifest.get("status") == "finished":
        raise UserError(f"resume={folder.path} has finished", "leave resume out to start again")
    if _alive(manifest):
        pid = manifest["process"]["pid"]
        raise UserError(f"resume={folder.path} is still running (process {pid})", "wait for it")
    if not is_run_of(folder, plain):
        raise UserError(
            f"resume={folder.path} was begun with another config",
            f"give the overrides of that run, listed in {folder.overrides}",
        )


def is_run_of(folder: RunFolder, plain: Mapping[str, Any]) -> bool:
    """Whether the run in a folder is of a config, which may hold ``auto`` where it resolved it."""
    own = read_config(folder)
    for key in read_manifest(folder).get("resolved", ()):
        *groups, name = key.split(".")
        mine, theirs = _inside(own, groups), _inside(plain, groups)
        if mine is not None and theirs is not None and theirs.get(name) == "auto":
            mine[name] = "auto"
    if isinstance(own.get("data"), dict) and isinstance(plain.get("data"), Mapping):
        own["data"] = with_typed_paths(folder, own["data"], plain["data"])
    return same_run(own, plain)


def _inside(config: Mapping[str, Any], groups: Sequence[str]) -> dict[str, Any] | None:
    """The keys of a group in a group of a config; None if there is no such group."""
    inside: Any = config
    for name in groups:
        inside = inside.get(name) if isinstance(inside, Mapping) else None
    return inside if isinstance(inside, dict) else None


def same_run(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two configs give the same run, wherever its folder is."""
    keys = keys_affecting("nothing")
    return without(first, keys) == without(second, keys)


def _version(path: Path) -> int:
    number = path.name.removeprefix("version_")
    return int(number) if number.isdecimal() else -1


def _alive(manifest: Mapping[str, Any]) -> bool:
    """Whether the process of a run is alive; False for a process of another host."""
    process = manifest.get("process") or {}
    if manifest.get("status") != "running" or process.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(process["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        pass
    return True
