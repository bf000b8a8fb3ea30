"""Where rank 0 posts words that the other ranks read, each once and in order.

Words are JSON, so that nothing that comes over the network can execute.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch.distributed as dist

from vaerun.utils.distributed import ProcessGroupInfo

_FOREVER = timedelta(days=365)  # the others wait as long as rank 0 lives
_TO_CONNECT = timedelta(minutes=10)  # schedulers may start some processes later than others
_TO_LEAVE = 10.0  # seconds
_EVERY = 0.02  # seconds


class Failed(RuntimeError):
    """Another rank has come to grief."""


class RankMessages:
    """Words of rank 0, and what the others answer.

    Parameters
    ----------
    store
        Kept by rank 0 and known to all.
    n_others
        Ranks beside it.
    port
        Where it is kept.

    Attributes
    ----------
    n_words
        That were posted, or read, so far.
    """

    def __init__(self, store: dist.Store, n_others: int, port: int) -> None:
        self.store = store
        self.n_others = n_others
        self.port = port
        self.n_words = 0

    @classmethod
    def opened(cls, world: ProcessGroupInfo) -> "RankMessages":
        """By rank 0, at its address; port 0 asks for any that is free.

        Torchrun keeps such a store for its processes, at that address.
        """
        is_torchruns = world.port and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        store = dist.TCPStore(
            world.address,
            world.port,
            is_master=not is_torchruns,
            wait_for_workers=False,
            timeout=_TO_CONNECT,
        )
        return cls(dist.PrefixStore("vaerun", store), world.size - 1, store.port)

    @classmethod
    def joined(cls, world: ProcessGroupInfo) -> "RankMessages":
        """By another rank."""
        store = dist.TCPStore(world.address, world.port, is_master=False, timeout=_TO_CONNECT)
        return cls(dist.PrefixStore("vaerun", store), world.size - 1, world.port)

    def section(self, name: str) -> "RankMessages":
        """A part of it that begins empty, of the same name for all."""
        return RankMessages(dist.PrefixStore(name, self.store), self.n_others, self.port)

    def post(self, word: Any) -> None:
        """Post a word, by rank 0."""
        self.store.set(self._next(), json.dumps(word))

    def read(self) -> Any:
        """The next word, by another rank, which waits for it."""
        name = self._next()
        self.store.wait([name], _FOREVER)
        return json.loads(self.store.get(name))

    def _next(self) -> str:
        self.n_words += 1
        return f"word {self.n_words}"

    def say(self, what: str) -> None:
        """Tell rank 0 that one has come so far, by another rank."""
        self.store.add(what, 1)

    def fail(self, why: str) -> None:
        """Tell rank 0 that one will not, by another rank."""
        self.store.set("failed", why)

    def all_say(self, what: str, still: Callable[[], None] = lambda: None) -> None:
        """Wait until all others say so, by rank 0.

        Parameters
        ----------
        what
            They say.
        still
            Called now and then; raises if it makes no sense to wait.

        Raises
        ------
        Failed
            If one of them fails.
        """
        while self.store.add(what, 0) < self.n_others:
            if self.store.check(["failed"]):
                raise Failed(f"another rank failed: {self.store.get('failed').decode()}")
            still()
            time.sleep(_EVERY)

    def dismiss(self) -> None:
        """Post the last word, and be there until it is read; by rank 0, at the end."""
        self.post(None)
        until = time.monotonic() + _TO_LEAVE
        while self.store.add("left", 0) < self.n_others and time.monotonic() < until:
            time.sleep(_EVERY)
