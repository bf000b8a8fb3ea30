"""What a training is done with, in one hand."""

import json
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from vaerun import models
from vaerun.data.image_set import Splits
from vaerun.data.load import load
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunRequest
from vaerun.training.distributed.launch import SINGLE_PROCESS, Ranks
from vaerun.training.hardware import Hardware


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """What every part of a training is done with, and by whom."""

    config: RunConfig
    splits: Splits
    folder: RunFolder
    hardware: Hardware
    console: Console
    ranks: Ranks = SINGLE_PROCESS


# options of a data set that say where it lies and how it is used, not what it holds
_NOT_OF_THE_IMAGES = frozenset(
    {
        "name",
        "root",
        "path",
        "table",
        "skip_unreadable",
        "memory_gb",
        "batch_size",
        "epochs",
        "invariances",
        "angle_range_deg",
        "fills_field",
        "symmetric",
        "every_row",
    }
)


def load_splits(config: RunConfig) -> Splits:
    """The data of a run, as its model wants them."""
    return load(
        config.data,
        config.seed,
        labelled=models.MODELS[config.model.name].learns_labels,
        classed="class" in getattr(config.model.category, "condition", ()),
    )


def fingerprint(job: RunRequest, splits: Splits) -> str:
    """Of the images, and of the options that they were drawn with."""
    drawn_with = {k: v for k, v in job.plain["data"].items() if k not in _NOT_OF_THE_IMAGES}
    if splits.val.clean is not None:  # what corrupts them is drawn from the seed
        drawn_with["seed"] = job.plain["seed"]
    text = json.dumps(drawn_with, sort_keys=True).encode()
    return manifest.fingerprint([*splits.identity(), np.frombuffer(text, np.uint8)])
