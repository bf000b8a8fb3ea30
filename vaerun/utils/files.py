"""A file that one process holds at a time; the system lets go of it when that process dies."""

import contextlib
import csv
import errno
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.")


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same suffix: renamed when whole, removed on error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")  # see `TEMPORARY`
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


# What file systems say that know no locks: there everyone is trusted to be alone.
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Locked(Exception):
    """Another process holds it."""


@contextlib.contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file while the body runs.

    Raises
    ------
    Busy
        If another process holds it, unless one waits for it.
    """
    with path.open("a", encoding="utf-8") as file:
        try:
            import fcntl  # not everywhere

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except ImportError:
            pass
        except BlockingIOError:
            raise Locked(path) from None
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds it now."""
    try:
        with file_lock(path, wait=False):
            return False
    except Locked:
        return True
