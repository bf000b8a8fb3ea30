"""What happens beside the steps of training: checkpoints, progress, a watchful eye."""

import math
import os
import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from vaerun.errors import UserError
from vaerun.models.module import Module
from vaerun.runs import RunFolder, atomic_path

_COLLAPSED = 0.02  # nats of KL(z) below which the content says next to nothing


class Diverged(UserError):
    """Training came to a loss that is no number."""


class Beginning(pl.callbacks.Checkpoint):
    """Ends training after some epochs and keeps its state, with its validation loss, in a file."""

    def __init__(self, path: Path, epochs: int) -> None:
        self.path = path
        self.epochs = epochs
        self.loss = math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at the last of the epochs."""
        del pl_module
        if trainer.current_epoch + 1 == self.epochs:
            self.loss = float(trainer.callback_metrics["val/loss"])
            with atomic_path(self.path) as path:
                trainer.save_checkpoint(path)
            trainer.should_stop = True

    @property
    def state_key(self) -> str:
        """Where `Checkpoints` keeps its own, so that it can go on from this file."""
        return Checkpoints.__qualname__

    def state_dict(self) -> dict[str, Any]:
        """The loss, as `Checkpoints` has it."""
        return {"best": self.loss}


class Checkpoints(pl.callbacks.Checkpoint):
    """Keeps the newest state, and that of the lowest validation loss, each written whole."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.best = math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write ``last.ckpt``, and ``best.ckpt`` if validation has never been better."""
        del pl_module
        loss = float(trainer.callback_metrics["val/loss"])
        is_best = loss < self.best or not self.folder.best_checkpoint.exists()
        self.best = min(loss, self.best)
        with atomic_path(self.folder.last_checkpoint) as path:
            trainer.save_checkpoint(path)
            if is_best:
                with atomic_path(self.folder.best_checkpoint) as copy:
                    _same_file(path, copy)

    def state_dict(self) -> dict[str, Any]:
        """The lowest validation loss so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore it."""
        self.best = float(state_dict["best"])


def _same_file(path: Path, copy: Path) -> None:
    """Another name for a file, or a copy where the file system knows no second names."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)


class Watch(pl.Callback):
    """Ends a run that has diverged, before its state is saved; says so when content collapsed."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at a loss that is no number."""
        del pl_module
        for name in ("train/loss", "val/loss"):
            loss = float(trainer.callback_metrics[name])
            if not math.isfinite(loss):
                raise Diverged(
                    f"training diverged: {name} is {loss} in epoch {trainer.current_epoch + 1}",
                    "lower trainer.learning_rate, or set trainer.gradient_clip=1",
                )

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say so if the content carries nothing."""
        assert isinstance(pl_module, Module)
        kl = trainer.callback_metrics.get("val/kl_content")
        if kl is not None and not pl_module.family.deterministic and float(kl) < _COLLAPSED:
            self.console.print(
                f"[yellow]the content latent has collapsed: KL(z) = {float(kl):.3f} nats[/] — "
                "train longer, or begin with a smaller weight, as in objective.beta_start=0.1 "
                "objective.beta_epochs=10"
            )


class ProgressBar(pl.Callback):
    """One bar for the whole of training, with the terms of the bound and the time left."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("[bold]training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=console,
            refresh_per_second=4,
        )
        self.task = self.progress.add_task("training", terms="")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar, at the epoch that training begins with."""
        del pl_module
        self.progress.update(self.task, total=trainer.max_epochs, completed=trainer.current_epoch)
        self.progress.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by a step."""
        share = (batch_idx + 1) / max(int(trainer.num_training_batches), 1)
        self.progress.update(self.task, completed=round(trainer.current_epoch + share, 1))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the epoch's terms."""
        self.progress.update(self.task, terms=describe(trainer))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Take the bar away."""
        self.progress.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Take it away also after a failure or an interrupt, when nothing is torn down."""
        self.progress.stop()


class EpochLines(pl.Callback):
    """A plain line an epoch, for logs."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's terms."""
        del pl_module
        n = trainer.max_epochs
        self.console.print(f"epoch {trainer.current_epoch + 1}/{n}  {describe(trainer)}")


def describe(trainer: pl.Trainer) -> str:
    """The newest terms of the bound in words, nats per image."""
    names = {
        "train/loss": "loss",
        "val/loss": "val",
        "val/reconstruction": "rec",
        "val/kl_content": "KL(z)",
        "val/kl_pose": "KL(pose)",
    }
    metrics = trainer.callback_metrics
    return "  ".join(
        f"{word} {float(metrics[k]):.1f}" for k, word in names.items() if k in metrics
    )
