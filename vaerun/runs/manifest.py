"""The manifest of a run: its command, versions and data, and how it ended.

folder = create_run_folder(config.out, config.model.name, config.data.name)
with recorded(folder, job, RunFacts(device="cpu", data_fingerprint=fingerprint(arrays))):
    ...                                # status in manifest.json: running, then how it ended
"""

import contextlib
import dataclasses
import datetime
import json
import os
import shlex
import socket
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vaerun.runs.folder import RunFolder, clear_half_written
from vaerun.utils.disk import disk_fault
from vaerun.utils.files import write_text
from vaerun.utils.provenance import git_revision, package_versions

_LAST_LINES = 20  # of a traceback


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
    resolved_keys
        Full names of the keys that were ``auto`` and have their resolved values in the config.
    """

    plain: dict[str, Any]
    overrides: list[str]
    command: list[str]
    resolved_keys: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """Facts about a run for its manifest, beside what the user asked for.

    Attributes
    ----------
    device
        The device in words.
    data_fingerprint
        Hash of the data, from `vaerun.training.context.fingerprint`.
    resumed_from
        The run folder that is continued, if any.
    started_from
        The run folder whose weights training began from, if any.
    source_fingerprint
        Hash of the images that ``index`` counts, of which ``selection`` are used.
    selection
        How images were chosen, by name; None: all are used.
    """

    device: str
    data_fingerprint: str
    resumed_from: Path | None = None
    started_from: str | None = None
    source_fingerprint: str | None = None
    selection: Mapping[str, Any] | None = None


@contextlib.contextmanager
def recorded(
    folder: RunFolder, job: RunRequest, about: RunFacts, *, is_shared: bool = False
) -> Iterator[RunFolder]:
    """Write config, overrides and manifest; when the body ends, write its status.

    A SystemExit counts as an interruption: by it submitit ends the program to start it again.
    A disk that is full or cannot be written to is raised as a `UserError`.

    Parameters
    ----------
    folder, job, about
        The folder of the run, and what to write there.
    is_shared
        Whether other processes may be writing in the folder. If not, half-written files of a
        killed process are removed first.
    """
    if not is_shared:
        clear_half_written(folder)
    try:
        write_text(folder.config, yaml.safe_dump(job.plain, sort_keys=False, allow_unicode=True))
        write_text(folder.overrides, yaml.safe_dump(job.overrides, allow_unicode=True))
        _write_manifest(folder, _opening(job, about))
        yield folder
        _close(folder, "finished")
    except (KeyboardInterrupt, SystemExit):
        _close(folder, "interrupted")
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):  # a full disk may not take the status either
            _write_manifest(folder, read_manifest(folder) | failed(error))
        fault = disk_fault(error, f"out={job.plain.get('out')}")
        if fault is not None:
            raise fault from error
        raise


def _opening(job: RunRequest, about: RunFacts) -> dict[str, Any]:
    """The manifest of a run that starts now."""
    resumed_from = about.resumed_from
    return {
        "status": "running",
        "start": _now(),
        "end": None,
        "command": shlex.join(job.command),
        "working_directory": os.getcwd(),  # noqa: PTH109  that of relative paths in the config
        "packages": package_versions(),
        "git_revision": git_revision(),
        "device": about.device,
        "data_fingerprint": about.data_fingerprint,
        "source_fingerprint": about.source_fingerprint,
        "selection": None if about.selection is None else dict(about.selection),
        "seed": job.plain["seed"],
        "resolved": list(job.resolved_keys),
        "resumed_from": None if resumed_from is None else str(resumed_from),
        "started_from": about.started_from,
        "process": {"host": socket.gethostname(), "pid": os.getpid()},
    }


def _close(folder: RunFolder, status: str) -> None:
    _write_manifest(folder, read_manifest(folder) | ending(status))


def ending(status: str) -> dict[str, str]:
    """The entries of a manifest for a run that ends now."""
    return {"status": status, "end": _now()}


def failed(error: BaseException) -> dict[str, Any]:
    """The entries of a manifest for a run that ends now by an error: its last lines, too."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return ending("failed") | {"error": lines[-_LAST_LINES:]}


def _write_manifest(folder: RunFolder, manifest: Mapping[str, Any]) -> None:
    write_text(folder.manifest, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _now() -> str:
    """Local time with its offset from UTC, ISO 8601, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def read_manifest(folder: RunFolder) -> dict[str, Any]:
    """The manifest of a run; empty where the process died before it wrote one."""
    try:
        manifest = json.loads(folder.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
