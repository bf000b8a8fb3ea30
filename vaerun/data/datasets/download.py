"""Files of public data sets: found in the user's folders, or downloaded, and checked."""

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

_SECONDS_TO_ANSWER = 20

_log = logging.getLogger(__name__)


class DataFile(NamedTuple):
    """File of a public data set: name and MD5 of its content, and MD5 of its gzipped download."""

    name: str
    md5: str
    md5_gz: str


def obtain(
    files: Sequence[DataFile], folders: Sequence[Path], target: Path, mirrors: Sequence[str]
) -> list[bytes]:
    """Uncompressed and checked content of each file.

    The first folder that has a file, gzipped or not, is used. A file that no folder has is
    downloaded to `target` from the first mirror that works, an address that ends in ``/``.

    Raises
    ------
    UserError
        If a file is damaged, or can neither be found nor downloaded.
    """
    paths = {file: _find(file, folders) for file in files}
    missing = [file.name for file, path in paths.items() if path is None]
    return [
        _read(file, path or _download(file, missing, target, mirrors))
        for file, path in paths.items()
    ]


def _find(file: DataFile, folders: Sequence[Path]) -> Path | None:
    candidates = (folder / f"{file.name}{end}" for folder in folders for end in ("", ".gz"))
    # unlike Path.is_file, os.path.isfile ignores folders that may not be searched
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _read(file: DataFile, path: Path) -> bytes:
    """Uncompressed content of the file at a path, if its checksum is right."""
    hint = f"delete {path}, and it will be downloaded, or put a good copy there"
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path} is not a complete gzip file", hint) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})", "make it readable") from None
    md5 = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if md5 != file.md5:
        what = f"{path} holds other data than expected (uncompressed MD5 {md5}, not {file.md5})"
        raise UserError(what, hint)
    return raw


def _download(
    file: DataFile, missing: Sequence[str], target: Path, mirrors: Sequence[str]
) -> Path:
    """Path of the gzipped file, fetched from the first mirror that has the right one."""
    import pooch  # slow to import, and needed once on a machine

    pooch.get_logger().setLevel(logging.ERROR)  # its messages repeat ours
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{target} cannot be made ({error.strerror})"
        raise UserError(what, "set data.root to a folder that you can write to") from None
    name, failures = f"{file.name}.gz", []
    for mirror in mirrors:
        _log.info("downloading %s%s to %s", mirror, name, target)
        get = pooch.HTTPDownloader(timeout=_SECONDS_TO_ANSWER)
        try:
            return Path(
                pooch.retrieve(mirror + name, f"md5:{file.md5_gz}", name, target, None, get)
            )
        except (OSError, ValueError) as error:  # no connection, or the wrong bytes
            failures.append(f"{urlsplit(mirror).netloc}: {type(error).__name__}")
    raise UserError(
        f"{target} lacks {name}, which could not be downloaded ({', '.join(failures)})",
        f"put {', '.join(f'{one}.gz' for one in missing)} into {target}, "
        "gunzipped or not, or set data.root to the folder that holds them",
    )
