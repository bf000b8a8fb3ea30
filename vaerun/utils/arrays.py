"""Arrays cached on disk under a hash of their inputs; evenly spaced positions."""

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.utils.disk import disk_fault
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path

Arrays = dict[str, npt.NDArray[Any]]

_NUMBERS_AT_ONCE = 16 * 2**20  # 64 MB as float32


def cached(folder: Path, name: str, key: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays cached for a key, or those of `make`, which are then cached.

    Parameters
    ----------
    folder
        Of the cache; created if it does not exist.
    name
        Beginning of the file's name.
    key
        Plain values that determine the arrays.
    make
        Called where no readable file is cached.

    Raises
    ------
    UserError
        If the folder cannot be written to.
    """
    path = path_of(folder, name, key, ".npz")
    stored = _stored(path)
    if stored is not None:
        return stored
    arrays = make()
    with written(path) as unfinished:
        np.savez(unfinished, allow_pickle=False, **arrays)
    return arrays


def path_of(folder: Path, name: str, key: Mapping[str, Any], suffix: str) -> Path:
    """The path of a cached file, whose name contains a hash of the key."""
    text = json.dumps(key, sort_keys=True).encode()
    return folder / f"{name}_{hashlib.sha256(text).hexdigest()[:16]}{suffix}"


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary path, renamed at the end; a `UserError` if ``data.root`` cannot be written to.

    Two processes may write the same file at once: the last one's replaces the other's.
    """
    try:
        with atomic_path(path) as unfinished:
            yield unfinished
    except OSError as error:
        raise UserError(
            f"data.root={path.parent.parent} cannot be written to ({error.strerror or error})",
            "give a folder that can, such as data.root=data",
        ) from error
    except RuntimeError as error:  # of HDF5 as it closes a file
        fault = disk_fault(error, f"data.root={path.parent.parent}")
        if fault is None:
            raise
        hint = "free some, or give a folder on another disk, such as data.root=data"
        raise UserError(fault.what, hint) from error


def _stored(path: Path) -> Arrays | None:
    """The arrays of a file; None if it is absent or broken."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {array: stored[array] for array in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def evenly(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most ``most`` of the positions 0 … n − 1, evenly spaced.

    Examples
    --------
    >>> evenly(3, 5), evenly(9, 3)
    (array([0, 1, 2]), array([0, 4, 8]))
    """
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def n_at_once(n_numbers: int, most: int) -> int:
    """Images to process at once: ``most``, or as many as take 64 MB, of so many numbers each.

    Examples
    --------
    >>> n_at_once(48 * 48, 500), n_at_once(1024 * 1024, 500)
    (500, 16)
    """
    return max(min(most, _NUMBERS_AT_ONCE // n_numbers), 1)


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays as a compressed NPZ file, whole or not at all."""
    with atomic_path(path) as unfinished:
        np.savez_compressed(unfinished, allow_pickle=False, **arrays)
