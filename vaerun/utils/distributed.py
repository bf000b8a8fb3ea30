"""Rank and size of the processes that train together; the share of a batch that a rank has.

Nothing here imports torch: the command line asks for the rank before it knows its task.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchShare:
    """The images ``rank, rank + n_ranks, …`` of a batch of ``n_in_all`` images."""

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
        """Factor of this rank's mean over images: the mean over ranks is that over all images."""
        return len(self) * self.n_ranks / self.n_in_all


# Variables of rank, size, rank on its node, and number of nodes.
_SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_NUM_NODES")
_SUBMITIT = (
    "SUBMITIT_LOCAL_GLOBALID",
    "SUBMITIT_LOCAL_NTASKS",
    "SUBMITIT_LOCAL_LOCALID",
    "SUBMITIT_LOCAL_JOB_NUM_NODES",
)
_FIRST_PORT, _PORTS = 15_000, 10_000  # of a scheduler's job, by its number


@dataclass(frozen=True, kw_only=True)
class ProcessGroupInfo:
    """Place of this process among those that train together.

    Attributes
    ----------
    rank, size
        Its number, from 0, and the number of processes.
    local_rank, local_size
        Its number, from 0, on this machine, and the number of processes there; one a device.
    address, port
        Network address of rank 0.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def n_nodes(self) -> int:
        """Number of machines."""
        return self.size // self.local_size


def detect(environment: Mapping[str, str] = os.environ) -> ProcessGroupInfo | None:
    """The processes that a launcher started for one command; None where there is only one.

    Processes of SLURM belong together only within a step of srun: a command of a batch script
    without srun is alone, whatever the job has asked for.
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
    """The processes by a scheduler's variables; the port follows from the job's number."""
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
    """The first node of a SLURM list, such as ``gpu[03-05,9],login1`` → ``gpu03``."""
    match = re.match(r"([^,\[]*)(?:\[(\d+)[^\]]*\]([^,]*))?", nodes)
    assert match is not None  # every part may be empty
    return "".join(part or "" for part in match.groups()) or "127.0.0.1"
