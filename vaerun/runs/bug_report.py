"""What a bug report needs: versions, machine, and config and last lines of a run.

    vaerun --report-bug                       of the newest run under outputs/
    vaerun --report-bug run=outputs/rvae/cards_iv/version_0

Nothing private: names of files, columns and classes that the user typed, the home folder, the user
and the machine's name are left out.
"""

import getpass
import os
import platform
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vaerun.config.words import LISTS, NAMES, PATHS
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.manifest import read_manifest
from vaerun.utils import provenance
from vaerun.utils.devices import cores, visible_gpus
from vaerun.utils.errors import UserError

_LAST_EPOCHS = 5
_PRIVATE = (PATHS | NAMES | LISTS) - {"data.name", "data.axes", "task.objective", "task.metrics"}


def bug_report(words: Sequence[str] = ()) -> str:
    """The report in Markdown.

    Parameters
    ----------
    words
        ``run=FOLDER`` names the run, ``out=FOLDER`` where the newest one is looked for.

    Raises
    ------
    UserError
        If a word is neither, or the folder is no run.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if wrong := [word for word in words if word.split("=", 1)[0] not in ("run", "out")]:
        raise UserError(f"{wrong[0]} is of no use to --report-bug", "give run=FOLDER or nothing")
    folder = open_run(given["run"]) if "run" in given else newest(given.get("out", "outputs"))
    parts = [_program()]
    parts.append("No run was found: add run=FOLDER." if folder is None else _run(folder))
    return _without_names("\n\n".join(parts))


def newest(out: str | Path) -> RunFolder | None:
    """The run below a folder that was last written to, None if there is none."""
    manifests = Path(out).expanduser().glob("*/*/version_*/manifest.json")
    paths = sorted(manifests, key=lambda path: path.stat().st_mtime)
    return RunFolder(paths[-1].parent) if paths else None


def masked(plain: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """A config whose paths and names are left out, but for the ending of a file."""
    return {
        name: masked(value, f"{where}{name}.")
        if isinstance(value, Mapping)
        else _mask(f"{where}{name}", value)
        for name, value in plain.items()
    }


def _mask(key: str, value: Any) -> Any:
    """A value, or what may be seen of one that is private."""
    if key not in _PRIVATE or value is None:
        return value
    if isinstance(value, list):
        return [_mask(key, item) for item in value]
    return f"…{Path(str(value)).suffix}" if key in PATHS else "…"


def _private_values(plain: Mapping[str, Any], where: str = "") -> set[str]:
    """Texts of a config that `masked` leaves out, and the files and folders of its paths."""
    texts: set[str] = set()
    for name, value in plain.items():
        key = f"{where}{name}"
        if isinstance(value, Mapping):
            texts |= _private_values(value, f"{key}.")
        elif _mask(key, value) != value:
            items = value if isinstance(value, list) else [value]
            texts |= {str(item) for item in items}
            texts |= {part for item in items if key in PATHS for part in Path(str(item)).parts}
    return {text for text in texts if len(text) > 2}  # shorter ones are in any text


def _program() -> str:
    versions = ", ".join(f"{name} {v}" for name, v in provenance.package_versions().items())
    machine = f"{platform.system()} {platform.release()} {platform.machine()}, {cores()} cores"
    gpus = len(visible_gpus())
    revision = provenance.git_revision() or "installed, no checkout"
    lines = [f"vaerun {provenance.version()} ({revision})", f"{machine}, {gpus} GPUs", versions]
    return "\n".join(f"- {line}" for line in lines)


def _run(folder: RunFolder) -> str:
    """Status, what was typed, config, last epochs and last lines of an error."""
    manifest = read_manifest(folder)
    try:
        typed = yaml.safe_load(folder.overrides.read_text(encoding="utf-8")) or []
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        typed = []
    shown = []
    for text in map(str, typed):
        name, equals, value = text.partition("=")
        shown.append(name + equals + str(_mask(name.lstrip("+"), value)))
    facts = f"run: {manifest.get('status', 'unknown')} on {manifest.get('device', 'unknown')}"
    sections = [facts, _code("typed", "vaerun " + " ".join(shown))]
    plain = read_config(folder)
    if error := manifest.get("error"):
        text = "\n".join(map(str, error))
        for value in sorted(_private_values(plain), key=len, reverse=True):
            text = text.replace(value, "…")
        sections.append(_code("last lines of the error", text))
    if folder.metrics_csv.is_file():
        head, *rows = folder.metrics_csv.read_text(encoding="utf-8").splitlines() or [""]
        sections.append(_code("last epochs", "\n".join([head, *rows[-_LAST_EPOCHS:]])))
    config = yaml.safe_dump(masked(plain), sort_keys=False, allow_unicode=True)
    return "\n\n".join([*sections, _code("config", config.rstrip())])


def _code(title: str, text: str) -> str:
    return f"{title}:\n\n```text\n{text}\n```"


def _without_names(text: str) -> str:
    """Text without home folder, working folder, user and name of the machine."""
    paths = {str(Path.home()): "~", os.getcwd(): "."}  # noqa: PTH109 - as tracebacks have it
    for path, instead in sorted(paths.items(), key=lambda item: -len(item[0])):
        if path not in ("/", ""):
            text = text.replace(path, instead)
    for name in {_user(), socket.gethostname()} - {""}:
        text = re.sub(rf"\b{re.escape(name)}\b", "…", text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return ""
