"""Checkpoints as files: written whole, the one before kept, and only what is whole read back."""

import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from vaerun.runs.folder import RunFolder
from vaerun.utils.files import atomic_path


@dataclass(frozen=True)
class CheckpointPair:
    """Where the newest state of a training is kept, and the one before it.

    Attributes
    ----------
    newest
        To go on from.
    previous
        To fall back on where the newest is broken.
    """

    newest: Path
    previous: Path

    def write(self, save: Callable[[Path], object], best: Path | None = None) -> None:
        """Keep a state; at no moment is there none.

        Parameters
        ----------
        save
            Writes it to a path.
        best
            Another place for it. That is filled first: a state may know that it is the best only
            when this is kept.

        Raises
        ------
        OSError
            If what was written is not what is read back; the states before are still there.
        """
        with atomic_path(self.newest) as path:
            save(path)
            _settle(path)
            if best is not None:
                # not another name for the same file, or both would break together
                with atomic_path(best) as copy:
                    shutil.copyfile(path, copy)
            if self.newest.exists():
                with atomic_path(self.previous) as older:
                    _same_file(self.newest, older)

    def whole(self, say: Callable[[str], object]) -> Path | None:
        """The newest state, if need be the one before, put in its place; None: there is none.

        Parameters
        ----------
        say
            Told, in a line, of a state that is broken.
        """
        if is_readable(self.newest):
            return self.newest
        name = f"{self.newest.parent.name}/{self.newest.name}"
        was_there = self.newest.exists() or self.previous.exists()
        if is_readable(self.previous):
            say(f"{name} is broken: going on from the one before it")
            with atomic_path(self.newest) as copy:
                shutil.copyfile(self.previous, copy)
            return self.newest
        if was_there:
            say(f"{name} is broken, as is the one before: training begins anew")
            self.remove()
        return None

    def remove(self) -> None:
        """Keep nothing."""
        self.newest.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)


def of_run(folder: RunFolder) -> CheckpointPair:
    """Where a run keeps its state."""
    return CheckpointPair(folder.last_checkpoint, folder.checkpoints / "previous.ckpt")


def of_restart(folder: RunFolder, number: int) -> CheckpointPair:
    """Where an unfinished beginning keeps its own."""
    names = (f"beginning_{number}_newest.ckpt", f"beginning_{number}_previous.ckpt")
    return CheckpointPair(*(folder.checkpoints / name for name in names))


def is_readable(path: Path) -> bool:
    """Whether a training can go on from a file: it is there, and no bit of it has changed."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return _sums_are_right(path) and {"state_dict", "loops", "seed"} <= state.keys()
    except Exception:  # noqa: BLE001 - whatever a broken file makes its readers raise
        return False


def _settle(path: Path) -> None:
    """Have a new file on the disk, not on its way there, and read it once."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if not _sums_are_right(path):
        raise OSError(f"{path} was not written as it should be")


def _sums_are_right(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _same_file(path: Path, copy: Path) -> None:
    """Another name for a file, or a copy where the file system knows no second names."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
