"""Train a network: restarts, of which the best is chosen, then all epochs.

Everything is a function of config and seed, so a stopped run continues from its last checkpoint,
or from the restarts that were finished, and ends with the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.strategies import DDPStrategy

from vaerun import models
from vaerun.data.datamodule import DataModule
from vaerun.data.image_set import Splits
from vaerun.models.lightning_module import VAELightningModule
from vaerun.runs.checkpoint import read_checkpoint
from vaerun.runs.config import RunConfig
from vaerun.training import checkpoint_files, malloc
from vaerun.training.callbacks import (
    STATE_KEY,
    BestAndLastCheckpoint,
    Diverged,
    DivergenceMonitor,
    RestartCheckpoint,
)
from vaerun.training.checkpoint_files import CheckpointPair, StreamedCheckpointIO
from vaerun.training.context import TrainingContext
from vaerun.training.distributed.launch import launch_ranks
from vaerun.training.distributed.lightning_environment import GivenEnvironment
from vaerun.training.epoch_log import EpochLog
from vaerun.training.film import ManifoldFilm
from vaerun.training.hardware import Hardware, quiet_lightning
from vaerun.training.new_module import new_module, resumed_module
from vaerun.training.progress_bar import EpochLines, ProgressBar, can_be_live
from vaerun.training.pseudo_labels import supervision
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path

_INTERRUPTED = 1  # exit status that Lightning turns an interrupt into


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """Outcome of a training."""

    module: VAELightningModule  # after the last step
    rows: list[dict[str, float]]  # logged means of each epoch
    steps: int  # including those before it was resumed
    hardware: Hardware


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


def fit(context: TrainingContext, callbacks: Sequence[pl.Callback] = ()) -> TrainingRecord:
    """Train from the start, or from the last checkpoint in the run folder, on all ranks.

    ``callbacks`` are further ones, on rank 0 only. Raises `Diverged` if the loss is not finite.
    """
    hardware = context.hardware
    with launch_ranks(context.folder.path, hardware.n_ranks, hardware.accelerator) as ranks:
        return fit_on_rank(replace(context, ranks=ranks), callbacks)


def fit_on_rank(context: TrainingContext, callbacks: Sequence[pl.Callback] = ()) -> TrainingRecord:
    """The part of one rank in `fit`; rank 0 decides and writes."""
    quiet_lightning()
    config, folder, ranks = context.config, context.folder, context.ranks
    pair = checkpoint_files.of_run(folder)
    last = _newest_readable(context, pair)
    if last is None and config.model.restarts > 1:
        last = _choose_restart(context)
    if ranks.is_first:
        for finished in folder.checkpoints.glob("restart_*"):
            finished.unlink()
    module = new_module(context, config.seed) if last is None else resumed_module(context, last)
    log = EpochLog(folder, config.trainer.logger)
    patience = config.trainer.early_stopping_epochs
    all_callbacks = [
        *_film(context),
        *_monitors(context, log),
        BestAndLastCheckpoint(
            pair, config.trainer.checkpoint_minutes, ranks, folder.best_checkpoint
        ),
        *callbacks,
        *([] if patience is None else [EarlyStopping("val/loss", patience=patience)]),
    ]
    trainer = _train(context, module, all_callbacks, last)
    return TrainingRecord(
        module=module, rows=log.rows, steps=trainer.global_step, hardware=context.hardware
    )


def _newest_readable(context: TrainingContext, pair: CheckpointPair) -> Path | None:
    """The checkpoint that rank 0 can read."""
    path = context.ranks.broadcast(lambda: str(pair.newest_readable(context.console.print) or ""))
    return Path(path) if path else None


def _choose_restart(context: TrainingContext) -> Path:
    """Train all restarts; that of the lowest validation loss becomes the last checkpoint.

    A restart that diverges is left out, and a resumed run tries it again. If all diverge,
    `Diverged` is raised.
    """
    config, folder = context.config, context.folder
    n_epochs = min(config.model.restart_epochs, config.trainer.max_epochs)
    finished: list[tuple[float, Path]] = []
    for number in range(config.model.restarts):
        try:
            finished.append(_run_restart(context, number, n_epochs))
        except Diverged:
            if not finished and number + 1 == config.model.restarts:
                raise
            context.console.print(f"[yellow]restart {number + 1} diverged and is left out[/]")
    losses = ", ".join(f"{loss:.1f}" for loss, _ in finished)
    loss, best = min(finished)
    context.console.print(f"validation loss after {n_epochs} epochs: {losses}; {loss:.1f} goes on")

    def continue_best() -> None:
        for checkpoint in (folder.best_checkpoint, folder.last_checkpoint):
            with atomic_path(checkpoint) as copy:
                copy.write_bytes(best.read_bytes())

    context.ranks.broadcast(continue_best)
    return folder.last_checkpoint


def _run_restart(context: TrainingContext, number: int, n_epochs: int) -> tuple[float, Path]:
    """Validation loss and checkpoint of a restart, numbered from 0; messages count from 1."""
    config, folder, ranks = context.config, context.folder, context.ranks
    pair = checkpoint_files.of_restart(folder, number)
    newest = _newest_readable(context, pair)
    loss = ranks.broadcast(lambda: math.inf if newest is None else _loss_of(newest))
    if math.isfinite(loss):
        return loss, pair.newest
    context.console.print(f"restart {number + 1} of {config.model.restarts}")
    saving = RestartCheckpoint(pair, config.trainer.checkpoint_minutes, ranks, n_epochs)
    here = [name for name in config.trainer.logger if name in ("csv", "tensorboard")]
    log = EpochLog(folder, here, folder.tensorboard / f"restart_{number + 1}")
    module = new_module(context, _seed_of_restart(config.seed, number))
    _train(context, module, [*_monitors(context, log), saving], newest)
    return ranks.broadcast(lambda: saving.loss), pair.newest


def _loss_of(checkpoint: Path) -> float:
    """Validation loss of a restart, infinite if it is unfinished."""
    return float(read_checkpoint(checkpoint)["callbacks"][STATE_KEY]["best"])


def _seed_of_restart(seed: int, number: int) -> int:
    """The seed of the run for the first restart; seeds derived from it for the others."""
    return (
        seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    )


def _train(
    context: TrainingContext,
    module: VAELightningModule,
    callbacks: Sequence[pl.Callback],
    checkpoint: Path | None,
) -> pl.Trainer:
    """Train until the last epoch or until a callback stops, from a checkpoint if given."""
    config, hardware = context.config, context.hardware
    step = 0
    if checkpoint is not None:
        state = read_checkpoint(checkpoint)
        step = int(state["global_step"])
        context.console.print(f"going on after step {step:,}")
    trainer = pl.Trainer(
        max_epochs=config.trainer.max_epochs,
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="auto" if hardware.n_ranks == 1 else DDPStrategy(gradient_as_bucket_view=True),
        plugins=[GivenEnvironment(context.ranks.world), StreamedCheckpointIO()],
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
        context.splits,
        config.data.n_in_batch,
        config.seed,
        supervision(context, module, step),
        val_batch_size=module.network.n_at_once,
        repeats=config.data.n_repeats(len(context.splits.train)),
    )
    try:
        with malloc.keep_freed_memory():
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            raise KeyboardInterrupt from stop
        raise  # submitit and others exit with a status of their own
    return trainer


def _film(context: TrainingContext) -> list[pl.Callback]:
    """What looks at the network while it is trained, on rank 0; first, so that its time counts."""
    trainer, splits = context.config.trainer, context.splits
    if not context.ranks.is_first or models.MODELS[context.config.model.name].predicts:
        return []
    figures_every = trainer.figures_every if "tensorboard" in trainer.logger else None
    film = trainer.film and not trainer.compile  # other shapes would be compiled for it
    return [ManifoldFilm(context.folder, splits.val, splits.classes, film=film,
                         figures_every=figures_every)]  # fmt: skip


def _monitors(context: TrainingContext, log: EpochLog) -> list[pl.Callback]:
    """Divergence monitor, log and progress; ranks above 0 print and log nothing."""
    console = context.console
    if not context.ranks.is_first:
        return [DivergenceMonitor(console)]
    is_live = context.config.trainer.progress and can_be_live(console)
    bar = ProgressBar(console) if is_live else EpochLines(console)
    return [DivergenceMonitor(console), log, bar]
