"""From images to a trained network: classes to look for, beginnings to choose from, the long run.

Everything is a function of config and seed, so what a stopped run had done is found again: its
last checkpoint, or the beginnings that were finished, and gone on with to the same end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy

from vaerun import models
from vaerun.data.corruption import corruption
from vaerun.data.datamodule import DataModule
from vaerun.data.image_set import Splits
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.lightning_module import AdamConfig, VAELightningModule, class_weights
from vaerun.runs.config import RunConfig
from vaerun.training import checkpoint_files, malloc
from vaerun.training.callbacks import (
    STATE_KEY,
    BestAndLastCheckpoint,
    Diverged,
    DivergenceMonitor,
    RestartCheckpoint,
)
from vaerun.training.context import TrainingContext
from vaerun.training.distributed.launch import Ranks, launch_ranks
from vaerun.training.distributed.lightning_environment import GivenEnvironment
from vaerun.training.epoch_log import EpochLog
from vaerun.training.hardware import Hardware, quiet_lightning
from vaerun.training.progress_bar import EpochLines, ProgressBar
from vaerun.training.pseudo_labels import supervision
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path

_STATUS_WHEN_INTERRUPTED = 1  # Lightning makes of an interrupt an exit with it


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """What training leaves behind.

    Attributes
    ----------
    module
        As it was after the last step.
    rows
        Logged means, one mapping an epoch.
    steps
        Optimiser steps, all sessions.
    hardware
        Device and precision.
    """

    module: VAELightningModule
    rows: list[dict[str, float]]
    steps: int
    hardware: Hardware


def new_network(config: RunConfig, splits: Splits, seed: int) -> InvariantVAE:
    """An untrained network.

    Raises
    ------
    UserError
        If the model asks for classes or factors that the data set does not know.
    """
    pl.seed_everything(seed, verbose=False)
    network = models.InvariantVAE(config.model, splits.shape)
    n_classes = splits.shape.n_classes
    if models.MODELS[config.model.name].learns_labels and network.n_classes != n_classes:
        raise UserError(
            f"model.category.n_classes={network.n_classes}, but the labels are of {n_classes}",
            "set model.category.n_classes=null",
        )
    return network


def check_sizes(config: RunConfig, splits: Splits, hardware: Hardware) -> None:
    """Raise a `UserError` unless every rank has an image of every batch."""
    n_ranks = hardware.n_ranks
    sizes = {
        "data.batch_size": (config.data.n_in_batch, 2 * n_ranks),
        "data.train_size": (len(splits.train), n_ranks),
        "data.val_size": (len(splits.val), n_ranks),
    }
    for key, (n, least) in sizes.items():
        if n_ranks > 1 and n < least:
            raise UserError(
                f"{key}={n} is too few for {n_ranks} devices that train together",
                f"give at least {least}, or trainer.devices=1",
            )


def fit(setting: TrainingContext, onlookers: Sequence[pl.Callback] = ()) -> TrainingRecord:
    """Train from the start, or from the folder's last checkpoint if it has one.

    Parameters
    ----------
    setting
        What to train.
    onlookers
        Callbacks beside our own.

    Raises
    ------
    UserError
        If training diverges.
    """
    hardware = setting.hardware
    with launch_ranks(setting.folder.path, hardware.n_ranks, hardware.accelerator) as ranks:
        return fit_on_rank(replace(setting, ranks=ranks), onlookers)


def fit_on_rank(setting: TrainingContext, onlookers: Sequence[pl.Callback] = ()) -> TrainingRecord:
    """One rank's part in the same; the first one decides and writes."""
    quiet_lightning()
    config, folder, ranks = setting.config, setting.folder, setting.ranks
    slot = checkpoint_files.of_run(folder)
    last = _agreed(ranks, lambda: slot.whole(setting.console.print))
    if last is None and config.model.restarts > 1:
        last = _choose_restart(setting)
    if ranks.is_first:
        for done_with in folder.checkpoints.glob("beginning_*"):
            done_with.unlink()
    module = _module(setting, config.seed if last is None else _seed_of(last))
    history = EpochLog(folder)
    stop = config.trainer.early_stopping_epochs
    callbacks = [
        *_watching(setting, history),
        BestAndLastCheckpoint(folder, slot, config.trainer.checkpoint_minutes, ranks),
        *onlookers,
        *([] if stop is None else [pl.callbacks.EarlyStopping("val/loss", patience=stop)]),
    ]
    trainer = _train(setting, module, callbacks, last)
    return TrainingRecord(
        module=module, rows=history.rows, steps=trainer.global_step, hardware=setting.hardware
    )


def _agreed(ranks: Ranks, find: Callable[[], Path | None]) -> Path | None:
    """The path that the first rank finds."""
    found = ranks.agree(lambda: None if (path := find()) is None else str(path))
    return None if found is None else Path(found)


def _choose_restart(setting: TrainingContext) -> Path:
    """Begin several times; the best by the bound becomes the last checkpoint, which is returned.

    One that diverges is left out. It leaves no file, so a resumed run tries it once more.

    Raises
    ------
    UserError
        If all diverge.
    """
    config, folder, ranks = setting.config, setting.folder, setting.ranks
    epochs = min(config.model.restart_epochs, config.trainer.max_epochs)
    found: list[tuple[float, Path]] = []
    for number in range(config.model.restarts):
        path = folder.checkpoints / f"beginning_{number}.ckpt"
        try:
            if not ranks.agree(lambda path=path: checkpoint_files.is_readable(path)):  # type: ignore[misc]
                _run_restart(setting, number, path, epochs)
        except Diverged:
            if not found and number + 1 == config.model.restarts:
                raise
            setting.console.print(f"[yellow]beginning {number + 1} diverged and is left out[/]")
            continue
        found.append((ranks.agree(lambda path=path: _loss_of(path)), path))  # type: ignore[misc]
    losses = ", ".join(f"{loss:.1f}" for loss, _ in found)
    loss, best = min(found)
    setting.console.print(f"validation loss after {epochs} epochs: {losses}; {loss:.1f} goes on")

    def go_on_with_it() -> None:
        for checkpoint in (folder.best_checkpoint, folder.last_checkpoint):
            with atomic_path(checkpoint) as copy:
                copy.write_bytes(best.read_bytes())

    ranks.agree(go_on_with_it)
    return folder.last_checkpoint


def _loss_of(beginning: Path) -> float:
    """The validation loss that a beginning came to."""
    state = torch.load(beginning, map_location="cpu", weights_only=True)
    return float(state["callbacks"][STATE_KEY]["best"])


def _run_restart(setting: TrainingContext, number: int, path: Path, epochs: int) -> None:
    """Train the beginning of a number, from 0; people count from 1."""
    config, folder = setting.config, setting.folder
    setting.console.print(f"beginning {number + 1} of {config.model.restarts}")
    slot = checkpoint_files.of_restart(folder, number)
    minutes = config.trainer.checkpoint_minutes
    beginning = RestartCheckpoint(path, epochs, slot, minutes, setting.ranks)
    history = EpochLog(folder, folder.tensorboard / f"beginning_{number + 1}")
    module = _module(setting, _seed_of_restart(config.seed, number))
    begun = _agreed(setting.ranks, lambda: slot.whole(setting.console.print))
    _train(setting, module, [*_watching(setting, history), beginning], begun)


def _seed_of_restart(seed: int, number: int) -> int:
    """The first beginning has the seed of the run, the others have seeds made of it."""
    return (
        seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    )


def _seed_of(checkpoint: Path) -> int:
    """The seed that a checkpoint's training was begun with."""
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["seed"])


def _module(setting: TrainingContext, seed: int) -> VAELightningModule:
    config = setting.config
    trainer = config.trainer
    network = new_network(config, setting.splits, seed)
    if trainer.compile:  # the networks alone: compiled, the module could not log
        network.encoder.compile()
        network.decoder.compile()
    return VAELightningModule(
        network,
        config.objective,
        AdamConfig(learning_rate=trainer.learning_rate, schedule=trainer.schedule),
        seed,
        corruption(config.data.corrupt, config.data.corruption),
        _class_weight(setting),
    )


def _class_weight(setting: TrainingContext) -> torch.Tensor | None:
    """So that a rare class is learned from its labels too."""
    splits = setting.splits
    if splits.labelled is None:
        return None
    return class_weights(splits.labelled.label, splits.shape.n_classes)


def _train(
    setting: TrainingContext,
    module: VAELightningModule,
    callbacks: Sequence[pl.Callback],
    checkpoint: Path | None,
) -> pl.Trainer:
    """Train a module to its last epoch, or to where a callback ends it, from a checkpoint on."""
    config, hardware = setting.config, setting.hardware
    epoch = 0
    if checkpoint is not None:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        epoch = int(state["epoch"])
        setting.console.print(f"going on after step {state['global_step']:,}")
    trainer = pl.Trainer(
        max_epochs=config.trainer.max_epochs,
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="auto" if hardware.n_ranks == 1 else DDPStrategy(gradient_as_bucket_view=True),
        plugins=[GivenEnvironment(setting.ranks.world)],
        precision=hardware.precision,
        gradient_clip_val=config.trainer.gradient_clip,
        callbacks=list(callbacks),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    data = DataModule(
        setting.splits,
        config.data.n_in_batch,
        config.seed,
        supervision(setting, module, epoch),
        val_batch_size=module.network.n_at_once,
    )
    try:
        with malloc.keep_freed_memory():
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:
        if stop.code == _STATUS_WHEN_INTERRUPTED:
            raise KeyboardInterrupt from stop
        raise  # others, such as submitit, have a status of their own
    return trainer


def _watching(setting: TrainingContext, history: EpochLog) -> list[pl.Callback]:
    """What looks on while training goes."""
    console = setting.console
    if not setting.ranks.is_first:
        return [DivergenceMonitor(console)]
    is_live = setting.config.trainer.progress and console.is_terminal
    bar = ProgressBar(console) if is_live else EpochLines(console)
    return [DivergenceMonitor(console), history, bar]
