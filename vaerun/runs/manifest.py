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

from vaerun.runs.folder import RunFolder, clear_half_written
from vaerun.utils.files import write_text
from vaerun.utils.provenance import git_revision, package_versions


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """What the user asked for.

    Attributes
    ----------
    plain
        The composed config as plain containers, interpolations resolved.
    overrides
        What was typed after the command, in order.
    command
        The command line as typed, word by word.
    resolved
        Keys that were ``auto``, and what they came to is in the config.
    """

    plain: dict[str, Any]
    overrides: list[str]
    command: list[str]
    resolved: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
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
def recorded(
    folder: RunFolder, job: RunRequest, about: RunFacts, *, is_shared: bool = False
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


def _opening(job: RunRequest, about: RunFacts) -> dict[str, Any]:
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
        "resolved": list(job.resolved),
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
