"""From images to a trained network: classes to look for, beginnings to choose from, the long run.

Everything is a function of config and seed, so what a stopped run had done is found again: its
last checkpoint, or the beginnings that were finished, and gone on with to the same end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from rich.console import Console

from vaerun import checkpoints, models
from vaerun.callbacks import Beginning, Checkpoints, Diverged, Watch
from vaerun.config import RunConfig
from vaerun.data.corrupt import corruption
from vaerun.data.module import DataModule
from vaerun.data.sets import Splits
from vaerun.errors import UserError
from vaerun.guidance import knowledge
from vaerun.hardware import Hardware, quiet_lightning
from vaerun.history import History
from vaerun.models.module import Module, Optimiser, balanced
from vaerun.models.network import Network
from vaerun.progress import EpochLines, ProgressBar
from vaerun.runs import RunFolder, atomic_path


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

    module: Module
    rows: list[dict[str, float]]
    steps: int
    hardware: Hardware


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every part of a training is done with."""

    config: RunConfig
    splits: Splits
    folder: RunFolder
    hardware: Hardware
    console: Console


def new_network(config: RunConfig, splits: Splits, seed: int) -> Network:
    """An untrained network.

    Raises
    ------
    UserError
        If the model asks for classes or factors that the data set does not know.
    """
    pl.seed_everything(seed, verbose=False)
    network = models.build(config.model, splits.shape)
    n_classes = splits.shape.n_classes
    if models.MODELS[config.model.name].learns_labels and network.n_classes != n_classes:
        raise UserError(
            f"model.category.n_classes={network.n_classes}, but the labels are of {n_classes}",
            "set model.category.n_classes=null",
        )
    return network


def fit(setting: Setting, onlookers: Sequence[pl.Callback] = ()) -> TrainingRecord:
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
    quiet_lightning()
    config, folder = setting.config, setting.folder
    slot = checkpoints.of_run(folder)
    last = slot.whole(setting.console.print)
    if last is None and config.model.restarts > 1:
        last = _choose_beginning(setting)
    for done_with in folder.checkpoints.glob("beginning_*"):
        done_with.unlink()
    module = _module(setting, config.seed if last is None else _seed_of(last))
    history = History(folder)
    stop = config.trainer.early_stopping_epochs
    callbacks = [
        *_watching(setting, history),
        Checkpoints(folder, slot, config.trainer.checkpoint_minutes),
        *onlookers,
        *([] if stop is None else [pl.callbacks.EarlyStopping("val/loss", patience=stop)]),
    ]
    trainer = _train(setting, module, callbacks, last)
    return TrainingRecord(
        module=module, rows=history.rows, steps=trainer.global_step, hardware=setting.hardware
    )


def _choose_beginning(setting: Setting) -> Path:
    """Begin several times; the best by the bound becomes the last checkpoint, which is returned.

    One that diverges is left out. It leaves no file, so a resumed run tries it once more.

    Raises
    ------
    UserError
        If all diverge.
    """
    config, folder = setting.config, setting.folder
    epochs = min(config.model.restart_epochs, config.trainer.max_epochs)
    found: list[tuple[float, Path]] = []
    for number in range(config.model.restarts):
        path = folder.checkpoints / f"beginning_{number}.ckpt"
        try:
            if not checkpoints.is_whole(path):
                _begin(setting, number, path, epochs)
        except Diverged:
            if not found and number + 1 == config.model.restarts:
                raise
            setting.console.print(f"[yellow]beginning {number + 1} diverged and is left out[/]")
            continue
        state = torch.load(path, map_location="cpu", weights_only=True)
        found.append((state["callbacks"][Checkpoints.__qualname__]["best"], path))
    losses = ", ".join(f"{loss:.1f}" for loss, _ in found)
    loss, best = min(found)
    setting.console.print(f"validation loss after {epochs} epochs: {losses}; {loss:.1f} goes on")
    for checkpoint in (folder.best_checkpoint, folder.last_checkpoint):
        with atomic_path(checkpoint) as copy:
            copy.write_bytes(best.read_bytes())
    return folder.last_checkpoint


def _begin(setting: Setting, number: int, path: Path, epochs: int) -> None:
    """Train the beginning of a number, from 0; people count from 1."""
    config, folder = setting.config, setting.folder
    setting.console.print(f"beginning {number + 1} of {config.model.restarts}")
    slot = checkpoints.of_beginning(folder, number)
    beginning = Beginning(path, epochs, slot, config.trainer.checkpoint_minutes)
    history = History(folder, folder.tensorboard / f"beginning_{number + 1}")
    module = _module(setting, _seed_of_beginning(config.seed, number))
    begun = slot.whole(setting.console.print)
    _train(setting, module, [*_watching(setting, history), beginning], begun)


def _seed_of_beginning(seed: int, number: int) -> int:
    """The first beginning has the seed of the run, the others have seeds made of it."""
    return (
        seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    )


def _seed_of(checkpoint: Path) -> int:
    """The seed that a checkpoint's training was begun with."""
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["seed"])


def _module(setting: Setting, seed: int) -> Module:
    config = setting.config
    trainer = config.trainer
    return Module(
        new_network(config, setting.splits, seed),
        models.MODELS[config.model.name],
        config.objective,
        Optimiser(learning_rate=trainer.learning_rate, schedule=trainer.schedule),
        seed,
        corruption(config.data.corrupt, config.data.corruption),
        _class_weight(setting),
    )


def _class_weight(setting: Setting) -> torch.Tensor | None:
    """So that a rare class is learned from its labels too."""
    splits = setting.splits
    if splits.labelled is None:
        return None
    return balanced(splits.labelled.label, splits.shape.n_classes)


def _train(
    setting: Setting, module: Module, callbacks: Sequence[pl.Callback], checkpoint: Path | None
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
        devices=1,
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
        config.data.batch_size,
        config.seed,
        knowledge(setting, module, epoch),
        val_batch_size=module.network.n_at_once,
    )
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    return trainer


def _watching(setting: Setting, history: History) -> list[pl.Callback]:
    """What looks on while training goes."""
    console = setting.console
    is_live = setting.config.trainer.progress and console.is_terminal
    bar = ProgressBar(console) if is_live else EpochLines(console)
    return [Watch(console), history, bar]
