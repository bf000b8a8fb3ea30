"""Progress of long work: a bar on a terminal, one line in a log."""

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_log = logging.getLogger(__name__)

T = TypeVar("T")


def bar(items: Iterable[T], what: str, total: int, *, shown: bool = True) -> Iterator[T]:
    """The items in turn, with a bar that disappears at the end; no output if not ``shown``."""
    if not shown:
        yield from items
    elif Console().is_terminal:
        yield from track(items, what, total, transient=True)
    else:
        _log.info("%s: %d", what, total)
        yield from items
