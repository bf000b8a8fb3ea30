"""Data files, given or downloaded: found, fetched from the first mirror that works, checked."""

import gzip
import hashlib
import logging
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from vaerun.utils.errors import UserError

_log = logging.getLogger(__name__)

_SECONDS_TO_ANSWER = 20


class DataFile(NamedTuple):
    """A file of a public data set.

    Attributes
    ----------
    name
        Without ``.gz``; mirrors hold it gzipped.
    md5
        Of the uncompressed bytes, however the file at hand was compressed.
    md5_gz
        Of the gzipped file that the mirrors hold.
    """

    name: str
    md5: str
    md5_gz: str


def obtain(
    files: Sequence[DataFile], folders: Sequence[Path], target: Path, mirrors: Sequence[str]
) -> list[bytes]:
    """The uncompressed bytes of each file, checked; downloaded where no folder holds it.

    Parameters
    ----------
    files
        What is wanted.
    folders
        Where they may lie, gzipped or not; the first that holds a file counts.
    target
        Folder of downloads.
    mirrors
        Addresses that end in ``/``, tried in this order.
    """
    paths = [_find(file, folders) for file in files]
    missing = [file for file, path in zip(files, paths, strict=True) if path is None]
    fetched = {file: _download(file, missing, target, mirrors) for file in missing}
    return [_checked(file, path or fetched[file]) for file, path in zip(files, paths, strict=True)]


def _find(file: DataFile, folders: Sequence[Path]) -> Path | None:
    names = (file.name, f"{file.name}.gz")
    candidates = (folder / name for folder in folders for name in names)
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _checked(file: DataFile, path: Path) -> bytes:
    """The uncompressed bytes of the file at `path`, if they are the right ones."""
    mend = f"delete {path}, and it will be downloaded, or put a good copy there"
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path} is not a whole gzip file", mend) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})", "make it readable") from None
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if found != file.md5:
        what = f"{path} holds other data than expected (uncompressed MD5 {found}, not {file.md5})"
        raise UserError(what, mend)
    return raw


def _download(
    file: DataFile, missing: Sequence[DataFile], target: Path, mirrors: Sequence[str]
) -> Path:
    """The path of the gzipped file, fetched from the first mirror that has the right one."""
    import pooch  # slow to import, and needed once in the life of a machine

    pooch.get_logger().setLevel(logging.ERROR)  # what it would say is said below
    _make(target)
    name, failures = f"{file.name}.gz", []
    for mirror in mirrors:
        _log.info("downloading %s%s to %s", mirror, name, target)
        downloader = pooch.HTTPDownloader(timeout=_SECONDS_TO_ANSWER)
        known = f"md5:{file.md5_gz}"
        try:
            got = pooch.retrieve(mirror + name, known, name, target, downloader=downloader)
        except (OSError, ValueError) as error:  # no connection, or the wrong bytes
            failures.append(f"{urlsplit(mirror).netloc}: {type(error).__name__}")
        else:
            return Path(got)
    raise UserError(
        f"{target} lacks {name}, which could not be downloaded ({', '.join(failures)})",
        f"put {', '.join(f'{lacking.name}.gz' for lacking in missing)} into {target}, "
        "gunzipped or not, or set data.root to the folder that holds them",
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{folder} cannot be made ({error.strerror})"
        raise UserError(what, "set data.root to a folder that you can write to") from None
