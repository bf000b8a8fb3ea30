"""Everything that a training needs: config, data, folder, hardware and ranks."""

import json
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from vaerun import models
from vaerun.config.schema import without
from vaerun.data.image_set import Splits
from vaerun.data.known_targets import KnownTargets
from vaerun.data.load import load
from vaerun.models.categories.regressed import RegressedConfig
from vaerun.runs.config import NOT_OF_IMAGES, RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunRequest
from vaerun.training.distributed.launch import SINGLE_PROCESS, Ranks
from vaerun.training.hardware import Hardware
from vaerun.utils import digest
from vaerun.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """Everything that a training needs, as one of its processes has it."""

    config: RunConfig
    splits: Splits
    folder: RunFolder
    hardware: Hardware
    console: Console
    ranks: Ranks = SINGLE_PROCESS


def load_splits(config: RunConfig) -> Splits:
    """The data of a run, with the labels and classes that its model needs."""
    category = config.model.category
    targets = None
    if isinstance(category, RegressedConfig):
        targets = KnownTargets(category.target, category.known_share)
    variant = models.MODELS[config.model.name]
    splits = load(
        config.data,
        config.seed,
        labelled=variant.learns_labels and targets is None,
        classed="class" in getattr(category, "condition", ()),
        targets=targets,
    )
    if variant.predicts != (splits.train.paired is not None):
        what = f"model={config.model.name} and data={config.data.name} do not go together"
        raise UserError(what, "model=ved predicts what data=pairs holds, and no other does")
    return splits


def fingerprint(job: RunRequest, splits: Splits) -> str:
    """Hash of the images and of the options that they were made with."""
    options = without(job.plain, NOT_OF_IMAGES)["data"]
    if splits.val.clean is not None:  # the seed determines how images are corrupted
        options["seed"] = job.plain["seed"]
    text = json.dumps(options, sort_keys=True).encode()
    return digest.fingerprint([*splits.fingerprint_parts(), np.frombuffer(text, np.uint8)])
