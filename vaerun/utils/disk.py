"""A full disk and a place that cannot be written to, and how they are said."""

import errno
import re
import threading
from collections.abc import Iterator

from vaerun.utils.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
_BROKEN = {errno.EIO, errno.ESTALE, errno.ENODEV}
# Libraries that write by themselves lose the number of the error.
_FULL_IN_WORDS = re.compile(
    r"no space left|file too large|quota exceeded|\d+ requested and \d+ written"
    r"|PytorchStreamWriter failed|unexpected pos \d+ vs \d+|iostream error",
    re.IGNORECASE,
)


def disk_fault(error: BaseException, key: str = "") -> UserError | None:
    """The fault of the disk that an error comes from; None for other errors.

    Parameters
    ----------
    error
        What was raised while something was written; what it was raised from counts as well.
    key
        Key and value of the place that was written to, such as ``out=outputs``.
    """
    for one in _chain(error):
        number = one.errno if isinstance(one, OSError) else None
        name = getattr(one, "filename", None)
        place = key or str(name or "the disk")
        why = (getattr(one, "strerror", None) or str(one)).split(" (file write failed")[0]
        why = f" ({' '.join(why.split())[:80]}{f': {name}' if key and name else ''})"
        if number in _FULL or (_FULL_IN_WORDS.search(str(one)) and number is None):
            hint = "free some, or write to another disk by out=; resume=auto then goes on"
            return UserError(f"{place} has no room left{why}", hint)
        if number in _CLOSED and name is not None:
            hint = "write elsewhere, by out= (runs) or data.root= (data made once)"
            return UserError(f"{place} cannot be written to{why}", hint)
        if number in _BROKEN:
            hint = "write to another disk by out=; resume=auto then goes on"
            return UserError(f"{place} does not keep what is written{why}", hint)
    return None


def hush_threads_on_disk_faults() -> None:
    """Let threads that write, as TensorBoard's, end in silence where the disk is at fault.

    The error is raised again in the thread that started them.
    """
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or disk_fault(args.exc_value) is None:
            before(args)

    threading.excepthook = hook


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was raised from."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__
