"""What a run trains on, and in which precision."""

import logging
import platform
import warnings
from dataclasses import dataclass
from typing import Literal, cast

import torch

from vaerun.config import TrainerConfig
from vaerun.errors import UserError
from vaerun.processor import cpu, quick_at_bfloat16

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The device of a run.

    Attributes
    ----------
    accelerator
        ``cpu`` or ``gpu``.
    precision
        As Lightning names it.
    device
        In words.
    """

    accelerator: str
    precision: Precision
    device: str

    @classmethod
    def find(cls, config: TrainerConfig) -> "Hardware":
        """What the config asks for, or `UserError` if it is not there."""
        has_gpu = torch.cuda.is_available()
        if config.accelerator == "gpu" and not has_gpu:
            raise UserError(
                "trainer.accelerator=gpu finds no GPU here", "use trainer.accelerator=cpu or auto"
            )
        if config.devices not in (1, "auto"):
            raise UserError(
                f"trainer.devices={config.devices} is more than one run can use",
                "use trainer.devices=1",
            )
        accelerator = "gpu" if has_gpu and config.accelerator != "cpu" else "cpu"
        if accelerator == "cpu" and config.precision == "16-mixed":
            raise UserError(
                "trainer.precision=16-mixed needs a GPU", "use bf16-mixed, 32-true or auto"
            )
        precision = config.precision
        if precision == "auto":
            precision = "bf16-mixed" if quick_at_bfloat16(accelerator) else "32-true"
        return cls(
            accelerator=accelerator,
            precision=cast("Precision", precision),
            device=_describe(accelerator),
        )

    @property
    def torch_device(self) -> torch.device:
        """The same for torch."""
        return torch.device("cuda" if self.accelerator == "gpu" else "cpu")


def _describe(accelerator: str) -> str:
    if accelerator == "gpu":
        return torch.cuda.get_device_name()
    name = cpu().get("cpu_name") or platform.processor() or "CPU"
    return f"{name}, {torch.get_num_threads()} threads"


def quiet_lightning() -> None:
    """Leave Lightning's advice to its developers out of the user's terminal."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Batches come from memory in one index: workers would only copy them about.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # They begin where the step count says, so nothing else has to be kept.
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*number of training batches.*log_every_n_steps.*")
