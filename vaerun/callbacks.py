"""What happens beside the steps of training: checkpoints, history, progress, a watchful eye."""

import csv
import io
import math
import os
import shutil
import time
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
from torch.utils.tensorboard import SummaryWriter

from vaerun.errors import UserError
from vaerun.models.module import Module
from vaerun.runs import RunFolder, atomic_path, write_text

_COLLAPSED = 0.02  # nats of KL(z) below which the content says next to nothing


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


class History(pl.Callback):
    """One row an epoch of all logged means, in ``metrics.csv`` and for TensorBoard."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rows: list[dict[str, float]] = []
        self._start = 0.0
        self._board: SummaryWriter | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the event file."""
        del trainer, pl_module
        self._board = SummaryWriter(str(self.folder.tensorboard))

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row and write the file."""
        del pl_module
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step)}
        row |= {name: float(v) for name, v in sorted(trainer.callback_metrics.items())}
        row["seconds"] = time.perf_counter() - self._start
        self.rows.append(row)
        self._write_csv()
        assert self._board is not None
        for name, value in row.items():
            self._board.add_scalar(name, value, int(row["epoch"]))
        self._board.flush()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the event file, also after an interrupt."""
        if self._board is not None:
            self._board.close()

    def _write_csv(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.10g}" for k, v in r.items()} for r in self.rows)
        write_text(self.folder.metrics_csv, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        """All rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        self.rows = [dict(row) for row in state_dict["rows"]]


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
                raise UserError(
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
        """Take the bar away, also after an interrupt."""
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
