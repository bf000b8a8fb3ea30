"""Checkpoints as files: the newest and the one before it, written atomically and verified."""

import errno
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from vaerun.runs.checkpoint import read_checkpoint
from vaerun.runs.folder import RunFolder
from vaerun.utils.files import atomic_path


class StreamedCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints straight to their files.

    Lightning makes the file in memory first, another copy of weights and optimiser: gigabytes for
    large images. `CheckpointPair` renames files when they are complete.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint, without pickled code."""
        del storage_options
        torch.save(checkpoint, path)


@dataclass(frozen=True)
class CheckpointPair:
    """Paths of the newest checkpoint of a training and of the one before it."""

    newest: Path
    previous: Path

    def write(self, save: Callable[[Path], object], best: Path | None = None) -> None:
        """Write a checkpoint by ``save``, such that a readable one exists at every moment.

        A copy at ``best`` comes first: if the newest checkpoint records that it is the best, then
        that file exists. If the written file does not read back, an `OSError` is raised, and the
        checkpoints before are still there.
        """
        with atomic_path(self.newest) as path:
            save(path)
            with path.open("rb") as file:
                os.fsync(file.fileno())
            if not _checksums_match(path):
                raise OSError(errno.EIO, "does not read back as written", str(path))
            if best is not None:
                # a copy, not a hard link, or one fault would break both
                with atomic_path(best) as copy:
                    shutil.copyfile(path, copy)
            if self.newest.exists():
                with atomic_path(self.previous) as older:
                    _link_or_copy(self.newest, older)

    def newest_readable(self, warn: Callable[[str], object]) -> Path | None:
        """The newest checkpoint, replaced by the previous one if unreadable; None if none is.

        ``warn`` gets a line of text about an unreadable checkpoint.
        """
        if is_readable(self.newest):
            return self.newest
        name = f"{self.newest.parent.name}/{self.newest.name}"
        existed = self.newest.exists() or self.previous.exists()
        if is_readable(self.previous):
            warn(f"{name} is broken: going on from the one before it")
            with atomic_path(self.newest) as copy:
                shutil.copyfile(self.previous, copy)
            return self.newest
        if existed:
            warn(f"{name} is broken, as is the one before: training starts again")
            self.remove()
        return None

    def remove(self) -> None:
        """Delete both files."""
        self.newest.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)


def of_run(folder: RunFolder) -> CheckpointPair:
    """Checkpoints of a run."""
    return CheckpointPair(folder.last_checkpoint, folder.checkpoints / "previous.ckpt")


def of_restart(folder: RunFolder, number: int) -> CheckpointPair:
    """Checkpoints of a restart, by its number from 0."""
    names = (f"restart_{number}_newest.ckpt", f"restart_{number}_previous.ckpt")
    return CheckpointPair(*(folder.checkpoints / name for name in names))


def is_readable(path: Path) -> bool:
    """Whether a file is a complete checkpoint of ours with correct checksums."""
    try:
        state = read_checkpoint(path)
        return _checksums_match(path) and {"state_dict", "loops", "seed"} <= state.keys()
    except Exception:  # noqa: BLE001 - whatever a broken file makes its readers raise
        return False


def _checksums_match(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _link_or_copy(path: Path, copy: Path) -> None:
    try:
        os.link(path, copy)
    except OSError:  # file systems without hard links
        shutil.copyfile(path, copy)
