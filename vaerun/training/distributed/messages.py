"""Messages of rank 0 that all other ranks receive, each once and in order.

Messages are JSON, so that nothing that comes over the network can execute.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

import torch.distributed as dist

from vaerun.utils.distributed import ProcessGroupInfo

_FOREVER = timedelta(days=365)  # the others wait as long as rank 0 lives
_TO_CONNECT = timedelta(minutes=10)  # schedulers may start some processes later than others
_TO_LEAVE = 10.0  # seconds
_EVERY = 0.02  # seconds


class RankFailed(RuntimeError):
    """Another rank failed."""


class RankMessages:
    """Messages of rank 0, and reports of the others to it, in a store that rank 0 holds."""

    def __init__(self, store: dist.Store, n_others: int, port: int) -> None:
        self.store = store
        self.n_others = n_others  # ranks beside rank 0
        self.port = port
        self.n_messages = 0  # sent or received so far

    @classmethod
    def create(cls, world: ProcessGroupInfo) -> Self:
        """Create the store at the address of rank 0, which calls this; port 0 takes a free one.

        Processes of torchrun use the store that torchrun has at that address.
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
    def join(cls, world: ProcessGroupInfo) -> Self:
        """Connect another rank to the store."""
        store = dist.TCPStore(world.address, world.port, is_master=False, timeout=_TO_CONNECT)
        return cls(dist.PrefixStore("vaerun", store), world.size - 1, world.port)

    def section(self, name: str) -> "RankMessages":
        """An empty part of the store, shared under its name."""
        return RankMessages(dist.PrefixStore(name, self.store), self.n_others, self.port)

    def send(self, message: Any) -> None:
        """Send a message from rank 0."""
        self.store.set(self._next(), json.dumps(message))

    def receive(self) -> Any:
        """Wait for the next message of rank 0, and return it."""
        name = self._next()
        self.store.wait([name], _FOREVER)
        return json.loads(self.store.get(name))

    def _next(self) -> str:
        self.n_messages += 1
        return f"message {self.n_messages}"

    def report(self, event: str) -> None:
        """Report an event to rank 0."""
        self.store.add(event, 1)

    def fail(self, reason: str) -> None:
        """Report to rank 0 that this rank failed."""
        self.store.set("failed", reason)

    def wait_for_all(self, event: str, check: Callable[[], None] = lambda: None) -> None:
        """Wait in rank 0 until all others have reported an event.

        ``check`` is called repeatedly, and raises if there is no use in waiting. A rank that
        failed raises `RankFailed`.
        """
        while self.store.add(event, 0) < self.n_others:
            if self.store.check(["failed"]):
                raise RankFailed(f"another rank failed: {self.store.get('failed').decode()}")
            check()
            time.sleep(_EVERY)

    def close(self) -> None:
        """Send the last message from rank 0, and hold the store until it is received."""
        self.send(None)
        until = time.monotonic() + _TO_LEAVE
        while self.store.add("left", 0) < self.n_others and time.monotonic() < until:
            time.sleep(_EVERY)
