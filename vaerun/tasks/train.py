"""`task=train`: data → network → training → encodings, metrics, figures and report.

vaerun model=rvae data=cards_iv
"""

import json
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from rich.console import Console

from vaerun import data, manifest, models, runs
from vaerun.callbacks import Checkpoints, EpochLines, History, ProgressBar, Watch
from vaerun.config import RunConfig
from vaerun.data.module import DataModule
from vaerun.data.sets import Splits
from vaerun.hardware import Hardware, quiet_lightning
from vaerun.manifest import About, Job
from vaerun.models.module import Module, Optimiser
from vaerun.results import TrainingRecord, write_results
from vaerun.runs import RunFolder
from vaerun.terminal import opening, show_log

# options of a data set that say where it lies and how it is used, not what it holds
_NOT_OF_THE_IMAGES = frozenset(
    {
        "name",
        "root",
        "path",
        "batch_size",
        "epochs",
        "invariances",
        "angle_range_deg",
        "fills_field",
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
    splits = data.load(config.data, config.seed)
    pl.seed_everything(config.seed, verbose=False)
    module = _module(config, splits)
    about = About(
        device=hardware.device,
        data_fingerprint=_fingerprint(job, splits),
        resumed_from=None if resumed is None else resumed.path,
    )
    folder = resumed or runs.claim(config.out, config.model.name, config.data.name)
    with manifest.record(folder, job, about):
        opening(console, config, splits, module.network, hardware, folder)
        record = _fit(config, module, splits, folder, hardware, console)
        write_results(config, job.plain, splits, folder, record, console)
    return folder.path


def _fingerprint(job: Job, splits: Splits) -> str:
    """Of the images, and of the options that they were drawn with."""
    drawn_with = {k: v for k, v in job.plain["data"].items() if k not in _NOT_OF_THE_IMAGES}
    text = json.dumps(drawn_with, sort_keys=True).encode()
    return manifest.fingerprint([*splits.identity(), np.frombuffer(text, np.uint8)])


def _module(config: RunConfig, splits: Splits) -> Module:
    network = models.build(config.model, splits.image)
    optimiser = Optimiser(
        learning_rate=config.trainer.learning_rate, schedule=config.trainer.schedule
    )
    family = models.MODELS[config.model.name]
    return Module(network, family, config.objective, optimiser, config.seed)


def _resumed(config: RunConfig, job: Job, console: Console) -> RunFolder | None:
    """The run to go on with, or None for a new one."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        found = manifest.unfinished(config.out, config.model.name, config.data.name, job.plain)
        if found is None:
            console.print("resume=auto found no unfinished run of this config: a new one begins")
        return found
    folder = runs.open_run(config.resume)
    manifest.check_resumable(folder, job.plain)
    return folder


def _fit(
    config: RunConfig,
    module: Module,
    splits: Splits,
    folder: RunFolder,
    hardware: Hardware,
    console: Console,
) -> TrainingRecord:
    """Train from the start, or from the folder's last checkpoint if it has one."""
    quiet_lightning()
    history = History(folder)
    is_live = config.trainer.progress and console.is_terminal
    stop = config.trainer.early_stopping_epochs
    callbacks: list[pl.Callback] = [
        Watch(console),
        history,
        ProgressBar(console) if is_live else EpochLines(console),
        Checkpoints(folder),
        *([] if stop is None else [pl.callbacks.EarlyStopping("val/loss", patience=stop)]),
    ]
    trainer = pl.Trainer(
        max_epochs=config.trainer.max_epochs,
        accelerator=hardware.accelerator,
        devices=1,
        precision=hardware.precision,
        gradient_clip_val=config.trainer.gradient_clip,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    checkpoint = folder.last_checkpoint if folder.last_checkpoint.is_file() else None
    trainer.fit(
        module,
        datamodule=DataModule(splits, config.data.batch_size, config.seed),
        ckpt_path=checkpoint,
        weights_only=True,
    )
    return TrainingRecord(
        module=module,
        rows=history.rows,
        steps=trainer.global_step,
        hardware=hardware,
    )
