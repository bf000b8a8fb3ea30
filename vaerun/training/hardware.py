"""Accelerator, devices and precision of a run."""

import logging
import os
import platform
import shutil
import warnings
from dataclasses import dataclass
from typing import Literal, cast

import torch

from vaerun.runs.config import TrainerConfig
from vaerun.utils.devices import cpu, quick_at_bfloat16
from vaerun.utils.distributed import ProcessGroupInfo, detect
from vaerun.utils.errors import UserError

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The devices of a run."""

    accelerator: str  # cpu or gpu
    precision: Precision
    device: str  # its name, for people
    devices: int = 1  # on each machine
    nodes: int = 1  # machines

    @classmethod
    def find(cls, config: TrainerConfig) -> "Hardware":
        """The hardware that the config asks for; raises a `UserError` if it is missing."""
        has_gpu = torch.cuda.is_available()
        if config.accelerator == "gpu" and not has_gpu:
            raise UserError(
                "trainer.accelerator=gpu finds no GPU here", "use trainer.accelerator=cpu or auto"
            )
        accelerator = "gpu" if has_gpu and config.accelerator != "cpu" else "cpu"
        if accelerator == "cpu" and config.precision == "16-mixed":
            raise UserError(
                "trainer.precision=16-mixed needs a GPU", "use bf16-mixed, 32-true or auto"
            )
        if config.compile and accelerator == "cpu" and not _has_compiler():
            raise UserError(
                "trainer.compile=true finds no C++ compiler", "install g++, or leave it"
            )
        precision = config.precision
        if precision == "auto":
            precision = "bf16-mixed" if quick_at_bfloat16(accelerator) else "32-true"
        devices, nodes = _counts(config, accelerator, detect())
        return cls(
            accelerator=accelerator,
            precision=cast("Precision", precision),
            device=_describe(accelerator, devices, nodes),
            devices=devices,
            nodes=nodes,
        )

    @property
    def n_ranks(self) -> int:
        """Processes that train together, one per device."""
        return self.devices * self.nodes

    @property
    def torch_device(self) -> torch.device:
        """Device of this process."""
        return torch.device("cuda" if self.accelerator == "gpu" else "cpu")


def _has_compiler() -> bool:
    """Whether torch can compile for the CPU; for a GPU it has a compiler of its own."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++"))


def _counts(
    config: TrainerConfig, accelerator: str, world: ProcessGroupInfo | None
) -> tuple[int, int]:
    """Devices per machine, and machines; by default those of this process's launcher."""
    n_here = torch.cuda.device_count() if accelerator == "gpu" else 1
    if config.devices == "auto":
        return (n_here, config.nodes) if world is None else (world.local_size, world.n_nodes)
    devices = int(config.devices)
    if accelerator == "gpu" and devices > n_here:
        raise UserError(
            f"trainer.devices={devices}, but there are {n_here} GPUs here",
            f"use trainer.devices={n_here} or auto",
        )
    if world is not None and world.size != devices * config.nodes:
        raise UserError(
            f"{world.size} processes were started for trainer.devices={devices} "
            f"on trainer.nodes={config.nodes}",
            "use trainer=ddp, which takes as many as there are, or start one process a device",
        )
    if world is None and config.nodes > 1:
        raise UserError(
            f"trainer.nodes={config.nodes} takes a process for each device of each machine",
            "start them by srun, as scripts/slurm.sh does, or by hydra/launcher=slurm",
        )
    return devices, config.nodes


def _describe(accelerator: str, devices: int, nodes: int) -> str:
    if accelerator == "gpu":
        name = torch.cuda.get_device_name()
    else:
        kind = cpu().get("cpu_name") or platform.processor() or "CPU"
        name = f"{kind}, {torch.get_num_threads()} threads"
    if devices * nodes == 1:
        return name
    return f"{devices} × {name}" if nodes == 1 else f"{nodes} × {devices} × {name}"


def quiet_lightning() -> None:
    """Hide warnings of Lightning that a user can do nothing about."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        "does not have many workers",  # a batch is one index into memory: workers would copy it
        "your dataloader is not resumable",  # ours starts at the batch of the step count
        "srun.* command is available",  # we give Lightning its environment
        "isinstance.treespec, LeafSpec",
        "number of training batches.*log_every_n_steps",
    ):
        warnings.filterwarnings("ignore", message=f".*{message}")
