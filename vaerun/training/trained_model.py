"""A trained network and how it came about, whether it was trained just now or long ago."""

import csv
import json
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from vaerun.models.invariant_vae import InvariantVAE, count_parameters
from vaerun.runs.folder import RunFolder
from vaerun.training.trainer import TrainingRecord


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What the results of a run are made from.

    Attributes
    ----------
    network
        Of the lowest validation loss, ready to infer.
    rows
        Logged means, one mapping an epoch.
    cost
        What `metrics.json` says under ``train``.
    """

    network: InvariantVAE
    rows: Sequence[Mapping[str, float]]
    cost: Mapping[str, float]


def just_trained(record: TrainingRecord, folder: RunFolder, n_train: int) -> TrainedModel:
    """The best network of a training that has ended, on ``n_train`` images."""
    checkpoint = torch.load(folder.best_checkpoint, map_location="cpu", weights_only=True)
    record.module.load_state_dict(checkpoint["state_dict"])
    network = record.module.to(record.hardware.torch_device).eval().network
    return TrainedModel(network=network, rows=record.rows, cost=_cost(network, n_train, record))


def trained_before(network: InvariantVAE, folder: RunFolder) -> TrainedModel:
    """The network of a finished run, with what its folder says of the training."""
    with folder.metrics_csv.open(encoding="utf-8") as file:
        rows = [{name: float(v) for name, v in row.items()} for row in csv.DictReader(file)]
    metrics = json.loads(folder.metrics_json.read_text(encoding="utf-8"))
    return TrainedModel(network=network, rows=rows, cost=metrics["train"])


def _cost(network: InvariantVAE, n_train: int, record: TrainingRecord) -> dict[str, float]:
    seconds = sum(row["seconds"] for row in record.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    per_mb = 2**20 if platform.system() == "Darwin" else 2**10
    cost = {
        "epochs": len(record.rows),
        "steps": record.steps,
        "seconds": seconds,
        "images_per_second": n_train * len(record.rows) / seconds,
        "peak_rss_mb": peak / per_mb,
        "parameters": count_parameters(network),
    }
    if record.hardware.accelerator == "gpu":
        cost["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return cost
