"""How far training is: a bar for a terminal, lines for a log."""

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
