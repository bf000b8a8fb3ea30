"""Which of the processes that train together this one is, as those tell who have started it.

Nothing here imports torch, so that a program that trains alone pays nothing for it.

What of a batch one rank has.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchShare:
    """The images ``rank, rank + n_ranks, …`` of a batch of ``n_in_all``."""

    rank: int
    n_ranks: int
    n_in_all: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def rows(self) -> range:
        """Positions in the batch."""
        return range(self.rank, self.n_in_all, self.n_ranks)

    @property
    def weight(self) -> float:
        """What its mean over images counts in the mean over ranks, for that over all images."""
        return len(self) * self.n_ranks / self.n_in_all


# Variables for rank, size, rank on its node, and nodes; each launcher has its own.
_SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_NUM_NODES")
_SUBMITIT = (
    "SUBMITIT_LOCAL_GLOBALID",
    "SUBMITIT_LOCAL_NTASKS",
    "SUBMITIT_LOCAL_LOCALID",
    "SUBMITIT_LOCAL_JOB_NUM_NODES",
)
_FIRST_PORT, _PORTS = 15_000, 10_000  # where a scheduler's job has one by its number


@dataclass(frozen=True, kw_only=True)
class ProcessGroupInfo:
    """All processes that train together, and this one among them.

    Attributes
    ----------
    rank, size
        Its number, from 0, and how many there are.
    local_rank, local_size
        The same among those on this machine: number and count of its devices in use.
    address, port
        Where rank 0 can be reached.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def n_nodes(self) -> int:
        """Machines."""
        return self.size // self.local_size


def detect(environment: Mapping[str, str] = os.environ) -> ProcessGroupInfo | None:
    """The processes that were started for one command; None where this one is alone.

    A SLURM job counts as several only in a step of its own: what a batch script starts without
    srun is alone, whatever the job has asked for.
    """
    if {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"} <= environment.keys():
        size = int(environment["WORLD_SIZE"])
        world = ProcessGroupInfo(
            rank=int(environment["RANK"]),
            size=size,
            local_rank=int(environment["LOCAL_RANK"]),
            local_size=int(environment.get("LOCAL_WORLD_SIZE", size)),
            address=environment["MASTER_ADDR"],
            port=int(environment["MASTER_PORT"]),
        )
        return world if size > 1 else None
    if environment.get("SUBMITIT_EXECUTOR") == "local":
        return _of_scheduler(
            environment, _SUBMITIT, "127.0.0.1", environment.get("SUBMITIT_LOCAL_JOB_ID", "0")
        )
    nodes = environment.get("SLURM_STEP_NODELIST", environment.get("SLURM_NODELIST", ""))
    job = environment.get("SLURM_JOB_ID", "0")
    return _of_scheduler(environment, _SLURM, first_node(nodes), job)


def _of_scheduler(
    environment: Mapping[str, str], names: tuple[str, ...], address: str, job: str
) -> ProcessGroupInfo | None:
    """From a scheduler's variables; every job has a port of its own, by its number."""
    if not set(names) <= environment.keys():
        return None
    rank, size, local_rank, n_nodes = (int(environment[name]) for name in names)
    port = _FIRST_PORT + int(re.sub(r"\D", "", job) or 0) % _PORTS
    if size == 1:
        return None
    return ProcessGroupInfo(
        rank=rank,
        size=size,
        local_rank=local_rank,
        local_size=size // n_nodes,
        address=environment.get("MASTER_ADDR", address),
        port=int(environment.get("MASTER_PORT", port)),
    )


def first_node(nodes: str) -> str:
    """The first of a SLURM list of nodes, such as ``gpu[03-05,9],login1`` → ``gpu03``."""
    match = re.match(r"([^,\[]*)(?:\[(\d+)[^\]]*\]([^,]*))?", nodes)
    assert match is not None  # it matches whatever there is
    return "".join(part or "" for part in match.groups()) or "127.0.0.1"
