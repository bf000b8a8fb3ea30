"""A run folder: claimed by one process alone, its files written whole, opened again.

Files appear under a temporary name and are renamed when whole (`atomic_path`), so that whoever
reads a run folder never sees half a file. Nothing found in a run folder is ever executed.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import yaml

from vaerun.utils.errors import UserError
from vaerun.utils.files import TEMPORARY


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Where everything of one run is kept; the names are those of the contract."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def overrides(self) -> Path:
        """What the user typed."""
        return self.path / "overrides.yaml"

    @property
    def manifest(self) -> Path:
        """Status, start, end, versions and whatever else tells where the run comes from."""
        return self.path / "manifest.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of Lightning checkpoints."""
        return self.path / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """The newest state, to resume from."""
        return self.checkpoints / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """The state of the lowest validation loss."""
        return self.checkpoints / "best.ckpt"

    @property
    def metrics_csv(self) -> Path:
        """Metrics per epoch."""
        return self.path / "metrics.csv"

    @property
    def metrics_json(self) -> Path:
        """Final metrics."""
        return self.path / "metrics.json"

    @property
    def latents(self) -> Path:
        """Every image's encoding."""
        return self.path / "latents.h5"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.path / "figures"

    @property
    def arrays(self) -> Path:
        """The arrays behind each figure."""
        return self.figures / "arrays.npz"

    @property
    def report(self) -> Path:
        """One page with all of it."""
        return self.path / "report.html"

    @property
    def tensorboard(self) -> Path:
        """Folder of event files."""
        return self.path / "tensorboard"


def create_run_folder(out: str | Path, model: str, data: str) -> RunFolder:
    """A new folder ``<out>/<model>/<data>/version_<k>``, k the first free, that no one else has.

    mkdir either makes the folder or fails, on any file system: that is the whole lock.
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
    """Remove what a process that was killed was writing; only for the one that has the folder."""
    for path in folder.path.rglob(".*"):
        if path.is_file() and TEMPORARY.match(path.name):
            path.unlink()


def open_run(path: str | Path) -> RunFolder:
    """The run folder at a path that the user gave, or a `UserError` if there is none."""
    folder = RunFolder(Path(path).expanduser())
    # os.path, unlike Path, takes a name too long or a forbidden folder for one that is not there
    if not os.path.isfile(folder.config):  # noqa: PTH113
        why = "has no config.yaml" if os.path.isdir(folder.path) else "is not a folder"  # noqa: PTH112
        mend = "give a run folder, such as outputs/rvae/cards_iv/version_0"
        raise UserError(f"{path} {why}", mend)
    return folder


def read_config(folder: RunFolder) -> dict[str, Any]:
    """The run's own config as plain containers, yet to be validated."""
    try:
        plain = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{folder.config} is not readable YAML", "restore the file") from error
    if not isinstance(plain, dict):
        raise UserError(f"{folder.config} holds no config", "restore the file")
    return plain
