"""A trained network with the log and cost of its training."""

import csv
import json
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from vaerun.models.invariant_vae import InvariantVAE, count_parameters
from vaerun.models.target_readout import TargetReadout
from vaerun.runs.checkpoint import read_checkpoint
from vaerun.runs.folder import RunFolder

if TYPE_CHECKING:  # Lightning takes seconds to import, and a finished run needs none of it
    from vaerun.training.trainer import TrainingRecord


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What the results of a run are computed from."""

    network: InvariantVAE  # of the lowest validation loss, in evaluation mode
    rows: Sequence[Mapping[str, float]]  # logged means of each epoch
    cost: Mapping[str, float]  # ``train`` in metrics.json
    seed: int  # of the training, which with several restarts is that of the chosen one
    readout: TargetReadout | None = None  # of a finished run that infers a target
    on_own_images: bool = True  # whether the log is of the images that are looked at

    @classmethod
    def after_training(cls, record: "TrainingRecord", folder: RunFolder, n_shown: int) -> Self:
        """The best network of a training that has just ended and showed n images an epoch."""
        checkpoint = read_checkpoint(folder.best_checkpoint)
        record.module.load_state_dict(checkpoint["state_dict"])
        network = record.module.to(record.hardware.torch_device).eval().network
        return cls(
            network=network,
            rows=record.rows,
            cost=_cost(network, n_shown, record),
            seed=int(checkpoint["seed"]),
        )

    @classmethod
    def of_run(cls, network: InvariantVAE, folder: RunFolder) -> Self:
        """The network of a finished run with the log and cost in its folder."""
        with folder.metrics_csv.open(encoding="utf-8") as file:
            rows = [{name: float(v) for name, v in row.items()} for row in csv.DictReader(file)]
        metrics = json.loads(folder.metrics_json.read_text(encoding="utf-8"))
        seed = int(read_checkpoint(folder.best_checkpoint)["seed"])
        readout = None if network.category.target is None else TargetReadout.read(folder.target)
        return cls(network=network, rows=rows, cost=metrics["train"], seed=seed, readout=readout)


def _cost(network: InvariantVAE, n_shown: int, record: "TrainingRecord") -> dict[str, float]:
    seconds = sum(row["seconds"] for row in record.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    per_mb = 2**20 if platform.system() == "Darwin" else 2**10
    cost = {
        "epochs": len(record.rows),
        "steps": record.steps,
        "seconds": seconds,
        "images_per_second": n_shown * len(record.rows) / seconds,
        "peak_rss_mb": peak / per_mb,
        "parameters": count_parameters(network),
    }
    if record.hardware.accelerator == "gpu":
        cost["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return cost
