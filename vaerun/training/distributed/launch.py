"""Rank 0's side: others are there while it trains, whoever has started them."""

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

from vaerun.training.distributed.messages import Failed, RankMessages
from vaerun.utils.devices import cores, threads
from vaerun.utils.distributed import ProcessGroupInfo, detect
from vaerun.utils.exit_status import PARENT

T = TypeVar("T")

# The board of a process that was started with others beside it, for as long as it leads them.
_board: RankMessages | None = None


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Those that train together, as one of them sees it.

    Attributes
    ----------
    world
        All of them.
    board
        Where they agree; None where one is alone.
    device
        Of this one, for what they share.
    """

    world: ProcessGroupInfo
    board: RankMessages | None
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which writes and decides."""
        return self.world.rank == 0

    def agree(self, decide: Callable[[], T]) -> T:
        """What rank 0 decides, for all: something plain that JSON knows."""
        if self.board is None:
            return decide()
        if not self.is_first:
            word: T = self.board.read()
            return word
        decided = decide()
        self.board.post(decided)
        return decided

    def share(self, make: Callable[[], Tensor | None]) -> Tensor | None:
        """A float32 tensor that rank 0 makes, or None, for all."""
        made = make() if self.is_first else None
        if self.board is None:
            return made
        size = self.agree(lambda: None if made is None else list(made.shape))
        if size is None:
            return None
        made = torch.empty(size) if made is None else made
        there = made.to(self.device)
        dist.broadcast(there, 0)
        return there.to(made.device)


SINGLE_PROCESS = Ranks(world=ProcessGroupInfo(), board=None, device=torch.device("cpu"))


@contextlib.contextmanager
def lead_ranks(world: ProcessGroupInfo) -> Iterator[None]:
    """While rank 0 does what the command asks for; at the end the others are dismissed."""
    global _board
    _board = RankMessages.opened(world)
    try:
        yield
    finally:
        board, _board = _board, None
        board.dismiss()


@contextlib.contextmanager
def launch_ranks(folder: Path, n_ranks: int, accelerator: str) -> Iterator[Ranks]:
    """The ranks of one training, connected while the body runs.

    Parameters
    ----------
    folder
        Of the run, whose config is written.
    n_ranks
        How many; those that are there already are as many.
    accelerator
        ``cpu`` or ``gpu``.

    Raises
    ------
    Failed
        If another one fails before training begins.
    """
    if n_ranks == 1:
        yield SINGLE_PROCESS
        return
    world = detect()
    if _board is not None and world is not None:
        with _connected(_board, world, folder, accelerator, lambda: None) as ranks:
            yield ranks
        return
    world = ProcessGroupInfo(size=n_ranks, local_size=n_ranks)
    with _started(world) as (board, still), _few_threads(n_ranks):
        with _connected(board, world, folder, accelerator, still) as ranks:
            yield ranks
        board.dismiss()


@contextlib.contextmanager
def _connected(
    board: RankMessages,
    world: ProcessGroupInfo,
    folder: Path,
    accelerator: str,
    still: Callable[[], None],
) -> Iterator[Ranks]:
    """Post the training, and train once all are ready for it."""
    name = f"training {board.n_words}"
    board.post({"folder": str(folder.resolve()), "section": name})
    section = board.section(name)
    section.all_say("ready", still)
    with connection(section, world, accelerator) as ranks:
        yield ranks


@contextlib.contextmanager
def connection(board: RankMessages, world: ProcessGroupInfo, accelerator: str) -> Iterator[Ranks]:
    """The process group of one training; entered by all ranks at once."""
    device = torch.device("cpu")
    if accelerator == "gpu":
        device = torch.device("cuda", world.local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if accelerator == "gpu" else "gloo",
        store=dist.PrefixStore("group", board.store),
        rank=world.rank,
        world_size=world.size,
        device_id=device if accelerator == "gpu" else None,
    )
    try:
        yield Ranks(world=world, board=board, device=device)
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _started(world: ProcessGroupInfo) -> Iterator[tuple[RankMessages, Callable[[], None]]]:
    """Processes of our own on this machine, gone when the body ends, however it does.

    They find out what to train from the board, not from this program's arguments, which may be
    those of a whole sweep.
    """
    board = RankMessages.opened(world)
    processes: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(_n_threads(world.size)),
        "MASTER_ADDR": world.address,
        "MASTER_PORT": str(board.port),
        "WORLD_SIZE": str(world.size),
        "LOCAL_WORLD_SIZE": str(world.size),
        PARENT: str(os.getpid()),
    }

    def still() -> None:
        for process in processes:
            if process.poll():
                raise Failed(f"another rank ended with status {process.returncode}")

    try:
        for rank in range(1, world.size):
            process = subprocess.Popen(
                [sys.executable, "-m", "vaerun.training.worker"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # whose last line is rank 0's
                env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                process_group=0,  # Ctrl-C in the terminal is for rank 0, who tells the others
            )
            processes.append(process)
        yield board, still
    finally:
        for process in processes:
            process.kill()  # they write nothing
            process.wait()


@contextlib.contextmanager
def _few_threads(n_ranks: int) -> Iterator[None]:
    """An even share of the cores for this process too."""
    n_before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(_n_threads(n_ranks))
    os.environ["OMP_NUM_THREADS"] = str(_n_threads(n_ranks))  # or Lightning makes up its own
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
