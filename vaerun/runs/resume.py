"""Which unfinished run is the same run, and can be resumed."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.manifest import read_manifest
from vaerun.utils.errors import UserError

# What may differ between a run and the one that goes on with it.
_INCIDENTAL = ("out", "resume", "run")
_INCIDENTAL_KEYS = {"trainer": ("progress", "checkpoint_minutes"), "data": ("root",)}


def unfinished(
    out: str | Path, model: str, data: str, plain: Mapping[str, Any]
) -> RunFolder | None:
    """The newest run of this very config that stopped early, though it may have kept no state."""
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
    """Raise a `UserError` unless the run in a folder can be gone on with under this config."""
    manifest = read_manifest(folder)
    if manifest.get("status") == "finished":
        raise UserError(f"resume={folder.path} has finished", "leave resume out to begin anew")
    if _alive(manifest):
        pid = manifest["process"]["pid"]
        raise UserError(f"resume={folder.path} is still at work (process {pid})", "wait for it")
    if not is_run_of(folder, plain):
        raise UserError(
            f"resume={folder.path} was begun with another config",
            f"give the overrides of that run, listed in {folder.overrides}",
        )


def is_run_of(folder: RunFolder, plain: Mapping[str, Any]) -> bool:
    """Whether the run in a folder is of this config, with what it settled itself left open."""
    own = read_config(folder)
    open_again = {key: dict(values) if isinstance(values, Mapping) else values
                  for key, values in own.items()}  # fmt: skip
    for key in read_manifest(folder).get("resolved", ()):
        group, name = key.split(".")
        open_again[group][name] = "auto"
    return same_run(own, plain) or same_run(open_again, plain)


def same_run(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two configs ask for the same run, wherever it is kept."""
    return identity(first) == identity(second)


def identity(
    plain: Mapping[str, Any], further: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """What of a config tells one run from another.

    Parameters
    ----------
    plain
        The config.
    further
        By group, keys that make no difference either.
    """
    kept = {k: v for k, v in plain.items() if k not in _INCIDENTAL}
    for group in {*_INCIDENTAL_KEYS, *(further or {})}:
        if isinstance(kept.get(group), Mapping):
            keys = {*_INCIDENTAL_KEYS.get(group, ()), *(further or {}).get(group, ())}
            kept[group] = {k: v for k, v in kept[group].items() if k not in keys}
    return kept


def _version(path: Path) -> int:
    number = path.name.removeprefix("version_")
    return int(number) if number.isdecimal() else -1


def _alive(manifest: Mapping[str, Any]) -> bool:
    """Whether the process that writes this run is still at it, as far as this host can tell."""
    process = manifest.get("process") or {}
    if manifest.get("status") != "running" or process.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(process["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
