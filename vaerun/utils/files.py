"""Files written completely or not at all, and files that one process locks at a time."""

import contextlib
import csv
import errno
import io
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import filelock

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.")  # how names of unfinished files begin

Locked = filelock.Timeout


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same suffix; renamed at the end, removed on error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")  # see `TEMPORARY`
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file completely or not at all.

    Bytes of file names that are no text become escapes, which JSON reads as what they were.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, whole or not at all."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    write_text(path, text.getvalue())


@contextlib.contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file while the body runs; the system releases it if the process dies.

    Where a file system has no locks, this process is taken for the only one.

    Raises
    ------
    Locked
        If another process holds the lock, unless it is waited for.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(filelock.FileLock(path, timeout=-1 if wait else 0))
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
                raise
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds a lock file now."""
    try:
        with file_lock(path, wait=False):
            return False
    except Locked:
        return True
