"""What keeps a file from being read, said as what it is: a package, a lock, memory, damage."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from vaerun.data.io.compression import INSTALL, missing_codec
from vaerun.data.io.lazy_array import Unreadable
from vaerun.utils.errors import UserError

_MOST = 200  # characters of a library's own words

# What files of other kinds begin with, and an ending that is read as that kind.
_BEGINNINGS = {
    b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp",
    b"II*\0": ".tif", b"MM\0*": ".tif", b"II+\0": ".tif", b"MM\0+": ".tif",
    b"\x89HDF": ".h5", b"\x93NUMPY": ".npy", b"CDF\x01": ".nc", b"CDF\x02": ".nc",
    b"MATLAB": ".mat",
}  # fmt: skip


@contextlib.contextmanager
def read_by(package: str, file: Path) -> Iterator[None]:
    """Name the package that reads a file, where it stumbles over what the file holds."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError) as error:
        words = " ".join(str(error).split())[:_MOST]
        what = f"{package} cannot read {file} ({type(error).__name__}: {words})"
        hint = "if it is whole, save it as TIFF or HDF5 with the program that it comes from"
        raise Unreadable(what, hint) from None


def explained(file: Path, error: Exception) -> UserError:
    """The fault of a file by the error of its reader; `Unreadable` only if the file is broken."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return UserError(
            f"{file} does not fit into the memory that is free ({words or 'out of memory'})",
            "close other programs, or give it in parts",
        )
    if isinstance(error, FileNotFoundError):
        name = error.filename or file
        return UserError(f"{file} cannot be read: {name} is not there", "put it back")
    if isinstance(error, PermissionError):
        return UserError(f"{file} may not be read by you", f"chmod u+r '{file}'")
    if "imagecodecs" in words:
        return missing_codec(file, error)
    if "plugin" in words or ("filter" in words and "registered" in words):
        return UserError(f"{file} is compressed in a way that is not known here ({words[:_MOST]})",
                         INSTALL)  # fmt: skip
    if isinstance(error, ImportError):
        name = getattr(error, "name", None) or _package_named(words)
        if name is None:
            return UserError(f"{file} cannot be read ({words[:_MOST]})", "install what is missing")
        return UserError(f"{file} takes {name}, which is not installed", f"pip install {name}")
    if "consistency flags" in words or "already open for write" in words:
        return UserError(
            f"{file} was not closed by the program that writes it",
            f"wait for it to end or, if it has crashed, h5clear -s '{file}'",
        )
    if "lock file" in words or isinstance(error, BlockingIOError):
        return UserError(
            f"{file} is locked by another program, or its disk knows no locks",
            "close that program, or type HDF5_USE_FILE_LOCKING=FALSE before the command",
        )
    if "truncated file" in words:
        what = f"{file} cannot be read: its end is missing, as after a copy that was cut short"
        return Unreadable(what, "copy it again, or leave it out")
    if (ending := _ending_by_content(file)) is not None:
        what = f"{file} is a {ending} file by its content, whatever its name says"
        return UserError(what, f"mv '{file}' '{file.with_suffix(ending)}'")
    shown = words if len(words) <= _MOST else f"{words[:_MOST]}..."
    what = f"{file} cannot be read ({type(error).__name__}: {shown})"
    return Unreadable(what, "leave it out, or put a good copy there")


def _ending_by_content(file: Path) -> str | None:
    """The ending that fits what a file begins with, if it has another one."""
    try:
        with file.open("rb") as opened:
            start = opened.read(8)
    except OSError:
        return None
    found = next((end for begin, end in _BEGINNINGS.items() if start.startswith(begin)), None)
    alike = ({".tif", ".tiff", ".btf", ".tf8"}, {".jpg", ".jpeg", ".jfif"})
    ending = file.suffix.lower()
    same = found == ending or any({found, ending} <= group for group in alike)
    return None if same else found


def _package_named(words: str) -> str | None:
    """The package that the words of an `ImportError` ask for, if they name one."""
    name = r"[`'\"]?([A-Za-z][\w.-]*)"
    named = re.search(rf"{name}[`'\"]? package is required", words) or re.search(
        rf"(?:install|module named|requires?)\s+{name}", words
    )
    return named[1].rstrip(".") if named else None
