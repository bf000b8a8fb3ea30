"""Arrays that cost minutes to make, kept under a key of all that they depend on."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.errors import UserError
from vaerun.runs import atomic_path

Arrays = dict[str, npt.NDArray[Any]]


def cached(folder: Path, name: str, key: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """What was made for this key before, or what is made now, and kept.

    Parameters
    ----------
    folder
        Where to keep it; made if need be.
    name
        Beginning of the file's name.
    key
        Plain values that determine the arrays.
    make
        Makes them.

    Raises
    ------
    UserError
        If the folder cannot be written to.
    """
    text = json.dumps(key, sort_keys=True).encode()
    path = folder / f"{name}_{hashlib.sha256(text).hexdigest()[:16]}.npz"
    stored = _stored(path)
    if stored is not None:
        return stored
    arrays = make()
    try:
        with atomic_path(path) as unfinished:
            np.savez(unfinished, allow_pickle=False, **arrays)
    except OSError as error:
        raise UserError(
            f"data.root={folder.parent} cannot be written to ({error.strerror})",
            "give a folder that can, such as data.root=data",
        ) from error
    return arrays


def _stored(path: Path) -> Arrays | None:
    """The arrays of a file; None if it is absent or broken."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {array: stored[array] for array in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
