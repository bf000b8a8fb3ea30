"""`task=train`: data → network → training → encodings, metrics, figures and report.

vaerun model=rvae data=cards_iv
"""

import json
from pathlib import Path

import numpy as np
from rich.console import Console

from vaerun import models
from vaerun.batching import settled
from vaerun.data.image_set import Splits
from vaerun.data.load import load
from vaerun.hardware import Hardware
from vaerun.runs import manifest, resume
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder, claim, open_run
from vaerun.runs.manifest import About, Job
from vaerun.setting import Setting
from vaerun.terminal import opening, show_log
from vaerun.trained import just_trained
from vaerun.training import check_sizes, fit, new_network

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
        "every_row",
    }
)


def train(config: RunConfig, job: Job) -> Path:
    """Train a model, write everything the contract asks of a run; returns its folder.

    Raises
    ------
    UserError
        Before a folder is claimed if the input is wrong; after, if training diverges.
    """
    console = Console()
    show_log(console)
    hardware = Hardware.find(config.trainer)
    resumed = _resumed(config, job, console)
    splits = load_splits(config)
    network = new_network(config, splits, config.seed)
    config, job = settled(config, job, splits, network, hardware, resumed)
    check_sizes(config, splits, hardware)
    about = About(
        device=hardware.device,
        data_fingerprint=fingerprint(job, splits),
        resumed_from=None if resumed is None else resumed.path,
    )
    folder = resumed or claim(config.out, config.model.name, config.data.name)
    with manifest.record(folder, job, about):
        opening(console, config, splits, network, hardware, folder)
        setting = Setting(
            config=config, splits=splits, folder=folder, hardware=hardware, console=console
        )
        record = fit(setting)
        trained = just_trained(record, folder, len(splits.train))
        from vaerun.results import write_results  # a second of plotting libraries: not before

        write_results(config, job.plain, splits, folder, trained, console)
    return folder.path


def load_splits(config: RunConfig) -> Splits:
    """The data of a run, as its model wants them."""
    return load(
        config.data,
        config.seed,
        labelled=models.MODELS[config.model.name].learns_labels,
        classed="class" in getattr(config.model.category, "condition", ()),
    )


def fingerprint(job: Job, splits: Splits) -> str:
    """Of the images, and of the options that they were drawn with."""
    drawn_with = {k: v for k, v in job.plain["data"].items() if k not in _NOT_OF_THE_IMAGES}
    if splits.val.clean is not None:  # what corrupts them is drawn from the seed
        drawn_with["seed"] = job.plain["seed"]
    text = json.dumps(drawn_with, sort_keys=True).encode()
    return manifest.fingerprint([*splits.identity(), np.frombuffer(text, np.uint8)])


def _resumed(config: RunConfig, job: Job, console: Console) -> RunFolder | None:
    """The run to go on with, or None for a new one."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        found = resume.unfinished(config.out, config.model.name, config.data.name, job.plain)
        if found is None:
            console.print("resume=auto found no unfinished run of this config: a new one begins")
        return found
    folder = open_run(config.resume)
    resume.check_resumable(folder, job.plain)
    return folder
