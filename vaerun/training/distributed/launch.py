"""Launch the ranks of a training, or use those that a launcher has started."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from vaerun.training.distributed.messages import RankFailed, RankMessages
from vaerun.utils.devices import cores, threads
from vaerun.utils.distributed import ProcessGroupInfo, detect
from vaerun.utils.exit_status import PARENT

T = TypeVar("T")

# of rank 0 of the processes that a launcher started, until it ends
_messages: RankMessages | None = None


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Processes that train together, as seen by one of them."""

    world: ProcessGroupInfo
    messages: RankMessages | None  # None for a single process
    device: torch.device  # of this process, for broadcasts of tensors

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which decides and writes."""
        return self.world.rank == 0

    def broadcast(self, decide: Callable[[], T]) -> T:
        """What rank 0 decides, as a value that JSON can hold, on all ranks."""
        if self.messages is None:
            return decide()
        if not self.is_first:
            message: T = self.messages.receive()
            return message
        decision = decide()
        self.messages.send(decision)
        return decision

    def broadcast_tensor(self, make: Callable[[], Tensor | None]) -> Tensor | None:
        """A float32 tensor or None that rank 0 makes, on all ranks."""
        made = make() if self.is_first else None
        if self.messages is None:
            return made
        size = self.broadcast(lambda: None if made is None else list(made.shape))
        if size is None:
            return None
        made = torch.empty(size) if made is None else made
        on_device = made.to(self.device)
        dist.broadcast(on_device, 0)
        return on_device.to(made.device)


SINGLE_PROCESS = Ranks(world=ProcessGroupInfo(), messages=None, device=torch.device("cpu"))


@contextlib.contextmanager
def lead_ranks(world: ProcessGroupInfo) -> Iterator[None]:
    """Let the ranks that a launcher started follow this one, until the context ends."""
    global _messages
    _messages = RankMessages.create(world)
    try:
        yield
    finally:
        messages, _messages = _messages, None
        messages.close()


@contextlib.contextmanager
def launch_ranks(folder: Path, n_ranks: int, accelerator: str) -> Iterator[Ranks]:
    """The ranks of the training in a run folder, connected until the context ends.

    Raises `RankFailed` if another rank fails before training begins.
    """
    if n_ranks == 1:
        yield SINGLE_PROCESS
        return
    world = detect()
    if _messages is not None and world is not None:
        with _connected(_messages, world, folder, accelerator, lambda: None) as ranks:
            yield ranks
        return
    world = ProcessGroupInfo(size=n_ranks, local_size=n_ranks)
    with _started(world) as (messages, check), _shared_cores(n_ranks):
        with _connected(messages, world, folder, accelerator, check) as ranks:
            yield ranks
        messages.close()


@contextlib.contextmanager
def _connected(
    messages: RankMessages,
    world: ProcessGroupInfo,
    folder: Path,
    accelerator: str,
    check: Callable[[], None],
) -> Iterator[Ranks]:
    """Send the run folder to all ranks, and connect once they have loaded its data."""
    name = f"training {messages.n_messages}"
    messages.send({"folder": str(folder.resolve()), "section": name})
    section = messages.section(name)
    section.wait_for_all("ready", check)
    with connection(section, world, accelerator) as ranks:
        yield ranks


@contextlib.contextmanager
def connection(
    messages: RankMessages, world: ProcessGroupInfo, accelerator: str
) -> Iterator[Ranks]:
    """The process group of one training, which all ranks enter."""
    device = torch.device("cpu")
    if accelerator == "gpu":
        device = torch.device("cuda", world.local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if accelerator == "gpu" else "gloo",
        store=dist.PrefixStore("group", messages.store),
        rank=world.rank,
        world_size=world.size,
        device_id=device if accelerator == "gpu" else None,
    )
    try:
        yield Ranks(world=world, messages=messages, device=device)
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _started(world: ProcessGroupInfo) -> Iterator[tuple[RankMessages, Callable[[], None]]]:
    """Processes on this machine, started here and killed when the context ends.

    What to train is sent to them, since the arguments of this program may be those of a sweep.
    """
    messages = RankMessages.create(world)
    processes: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(_n_threads(world.size)),
        "MASTER_ADDR": world.address,
        "MASTER_PORT": str(messages.port),
        "WORLD_SIZE": str(world.size),
        "LOCAL_WORLD_SIZE": str(world.size),
        PARENT: str(os.getpid()),
    }

    def check() -> None:
        for process in processes:
            if process.poll():
                raise RankFailed(f"another rank ended with status {process.returncode}")

    try:
        for rank in range(1, world.size):
            process = subprocess.Popen(
                [sys.executable, "-m", "vaerun.training.worker"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the last line of the program is rank 0's
                env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                process_group=0,  # Ctrl-C reaches rank 0 alone, which stops the others
            )
            processes.append(process)
        yield messages, check
    finally:
        for process in processes:
            process.kill()  # safe: only rank 0 writes
            process.wait()


@contextlib.contextmanager
def _shared_cores(n_ranks: int) -> Iterator[None]:
    """Limit this process, too, to its share of the cores."""
    n_before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(_n_threads(n_ranks))
    os.environ["OMP_NUM_THREADS"] = str(_n_threads(n_ranks))  # or Lightning would set its own
    try:
        yield
    finally:
        torch.set_num_threads(n_before)
        if variable is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = variable


def _n_threads(n_ranks: int) -> int:
    return threads(n_ranks, cores(), torch.get_num_threads())
