"""Every format by the ending of its files, and what to say of a file that cannot be read."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vaerun.files.containers import open_hdf5, open_npy, open_npz
from vaerun.files.pictures import open_picture, open_tiff
from vaerun.files.scifi import open_dm, open_emd, open_nion
from vaerun.files.stored import Array, Stored, Unreadable, Wanted
from vaerun.utils.errors import UserError, show

T = TypeVar("T")

FORMATS: Mapping[str, Callable[[Path, Wanted], Stored]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
    ".tif": open_tiff,
    ".tiff": open_tiff,
    ".png": open_picture,
    ".jpg": open_picture,
    ".jpeg": open_picture,
    ".dm3": open_dm,
    ".dm4": open_dm,
    ".emd": open_emd,
    ".ndata": open_nion,
}


def open_stored(file: Path, wanted: Wanted) -> Stored:
    """The array of a file that is meant, read as a whole only where its format needs that.

    Raises
    ------
    Unreadable
        If the file is broken, at once or when a part of it is read.
    UserError
        If it holds no image, or several.
    """
    stored = guarded(file, lambda: FORMATS[file.suffix.lower()](file, wanted))

    def read(part: Any) -> Array:
        return guarded(file, lambda: stored.read(part))

    return replace(stored, read=read)


def guarded(file: Path, do: Callable[[], T]) -> T:
    """What is made of a file, or the one line about a broken one."""
    try:
        return do()
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  the parsers fall over broken files in any way
        what = f"{file} cannot be read ({type(error).__name__}: {show(error)})"
        raise Unreadable(what, "leave it out, or put a good copy there") from None
