"""The manifest: where a run comes from and how it ended; which run to go on with.

folder = claim(config.out, config.model.name, config.data.name)
with record(folder, job, About(device="cpu", data_fingerprint=fingerprint(arrays))):
    ...                                # manifest.json says running, then how it ended
"""

import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import shlex
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from vaerun.runs.folder import RunFolder, clear_half_written, read_config
from vaerun.utils.errors import UserError
from vaerun.utils.files import write_text
from vaerun.utils.provenance import git_revision, package_versions

# What may differ between a run and the one that goes on with it.
_INCIDENTAL = ("out", "resume", "run")
_INCIDENTAL_KEYS = {"trainer": ("progress", "checkpoint_minutes"), "data": ("root",)}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the user asked for.

    Attributes
    ----------
    plain
        The composed config as plain containers, interpolations resolved.
    overrides
        What was typed after the command, in order.
    command
        The command line as typed, word by word.
    settled
        Keys that were ``auto``, and what they came to is in the config.
    """

    plain: dict[str, Any]
    overrides: list[str]
    command: list[str]
    settled: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the manifest says of a run beside its job.

    Attributes
    ----------
    device
        What it trains on, in words.
    data_fingerprint
        From `fingerprint`.
    resumed_from
        The run folder it goes on with, if any.
    """

    device: str
    data_fingerprint: str
    resumed_from: Path | None = None


@contextlib.contextmanager
def record(
    folder: RunFolder, job: Job, about: About, *, is_shared: bool = False
) -> Iterator[RunFolder]:
    """Write config, overrides and manifest; when the body ends, write how it ended.

    A SystemExit is an interruption too: submitit ends the program so, to start it again.

    Parameters
    ----------
    folder, job, about
        What is recorded.
    is_shared
        Whether other processes may be writing in the folder at this moment. Where none is, what
        a process that was killed left half-written is removed first.
    """
    if not is_shared:
        clear_half_written(folder)
    write_text(folder.config, yaml.safe_dump(job.plain, sort_keys=False, allow_unicode=True))
    write_text(folder.overrides, yaml.safe_dump(job.overrides, allow_unicode=True))
    _write_manifest(folder, _opening(job, about))
    try:
        yield folder
    except (KeyboardInterrupt, SystemExit):
        _close(folder, "interrupted")
        raise
    except BaseException:
        _close(folder, "failed")
        raise
    _close(folder, "finished")


def _opening(job: Job, about: About) -> dict[str, Any]:
    """The manifest of a run that begins now."""
    resumed_from = about.resumed_from
    return {
        "status": "running",
        "start": _now(),
        "end": None,
        "command": shlex.join(job.command),
        "packages": package_versions(),
        "git_revision": git_revision(),
        "device": about.device,
        "data_fingerprint": about.data_fingerprint,
        "seed": job.plain["seed"],
        "settled": list(job.settled),
        "resumed_from": None if resumed_from is None else str(resumed_from),
        "process": {"host": socket.gethostname(), "pid": os.getpid()},
    }


def _close(folder: RunFolder, status: str) -> None:
    _write_manifest(folder, read_manifest(folder) | ending(status))


def ending(status: str) -> dict[str, str]:
    """What the manifest of a run that ends now says of its end."""
    return {"status": status, "end": _now()}


def _write_manifest(folder: RunFolder, manifest: Mapping[str, Any]) -> None:
    write_text(folder.manifest, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _now() -> str:
    """Local time with its offset from UTC, ISO 8601, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def read_manifest(folder: RunFolder) -> dict[str, Any]:
    """The manifest; empty where the process died before it wrote one."""
    try:
        manifest = json.loads(folder.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def fingerprint(arrays: Iterable[npt.ArrayLike]) -> str:
    """The sha256 of type, shape and little-endian values of each array, the same on every host.

    Parameters
    ----------
    arrays
        Arrays, or tensors in main memory. For data that are drawn give what was drawn at random
        (factors, labels), not the pixels: those differ between processors in their last bit.
    """
    digest = hashlib.sha256()
    for values in arrays:
        array = np.asarray(values)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{little.dtype.str}{little.shape}".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()


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
    for key in read_manifest(folder).get("settled", ()):
        group, name = key.split(".")
        open_again[group][name] = "auto"
    return same_run(own, plain) or same_run(open_again, plain)


def same_run(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two configs ask for the same run, wherever it is kept."""
    return essence(first) == essence(second)


def essence(
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
