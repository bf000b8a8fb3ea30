"""The run folder: its files, and how it is created and opened.

Files are written under a temporary name and then renamed (`vaerun.utils.files.atomic_path`), so
a reader never gets half a file. Nothing in a run folder is ever executed.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import yaml

from vaerun.config.schema import without
from vaerun.utils.errors import UserError
from vaerun.utils.files import TEMPORARY
from vaerun.utils.paths import expanded, missing

# Keys of runs by earlier versions: what they decided no longer differs.
_FORMER_KEYS = ("data.symmetric",)


class _Entry:
    """A path inside a run folder, read as an attribute of the folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: "RunFolder", owner: type) -> Path:
        return folder.path / self.name


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Where all files of one run are."""

    path: Path

    config = _Entry("config.yaml")  # interpolations resolved
    overrides = _Entry("overrides.yaml")  # as the user typed them
    manifest = _Entry("manifest.json")  # status, start, end, versions, data fingerprint
    checkpoints = _Entry("checkpoints")
    last_checkpoint = _Entry("checkpoints/last.ckpt")  # the newest state, to resume from
    best_checkpoint = _Entry("checkpoints/best.ckpt")  # of the lowest validation loss
    metrics_csv = _Entry("metrics.csv")  # a row for each epoch
    metrics_json = _Entry("metrics.json")  # of the finished run
    latents = _Entry("latents.h5")  # encodings of all images
    target = _Entry("target.npz")  # what is learned of a target, where a model infers one
    predictions = _Entry("predictions.h5")  # of a model that predicts
    figures = _Entry("figures")
    arrays = _Entry("figures/arrays.npz")  # the arrays that the figures show
    film = _Entry("figures/training.webp")  # of the manifold over the epochs
    report = _Entry("report.html")
    tensorboard = _Entry("tensorboard")


def create_run_folder(out: str | Path, model: str, data: str) -> RunFolder:
    """A new folder ``<out>/<model>/<data>/version_<k>`` for this process alone, k the first free.

    mkdir either makes the folder or fails, on any file system, so no lock is needed.
    """
    parent = Path(out).expanduser() / model / data
    try:
        parent.mkdir(parents=True, exist_ok=True)
        version = 0
        while True:
            try:
                path = parent / f"version_{version}"
                path.mkdir()
            except FileExistsError:
                version += 1
            else:
                return RunFolder(path)
    except OSError as error:
        raise UserError(
            f"out={out} cannot hold a run folder ({error.strerror}: {error.filename})",
            "give a folder that can be written to, such as out=outputs",
        ) from error


def clear_half_written(folder: RunFolder) -> None:
    """Remove temporary files of a killed process; only for the process that owns the folder."""
    for path in folder.path.rglob(".*"):
        if path.is_file() and TEMPORARY.match(path.name):
            path.unlink()


def open_run(path: str | Path) -> RunFolder:
    """The run folder at a path that the user gave, or a `UserError` if there is none."""
    folder = RunFolder(expanded(path))
    hint = "give a run folder, such as outputs/rvae/cards_iv/version_0"
    # Path.is_file raises where the name is too long or a folder is forbidden; os.path does not
    if os.path.isfile(folder.config):  # noqa: PTH113
        return folder
    if os.path.lexists(folder.path):
        why = "has no config.yaml" if os.path.isdir(folder.path) else "is not a folder"  # noqa: PTH112
        raise UserError(f"{path} {why}", hint)
    raise missing(f"{path} is not a folder", folder.path, hint)


def read_config(folder: RunFolder) -> dict[str, Any]:
    """The run's own config as plain containers, not yet validated, less keys that are no more."""
    try:
        plain = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{folder.config} is not readable YAML", "restore the file") from error
    if not isinstance(plain, dict):
        raise UserError(f"{folder.config} holds no config", "restore the file")
    return without(plain, _FORMER_KEYS)
