"""Progress of a training: a bar on a terminal or in a notebook, lines in a log."""

from importlib.util import find_spec
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

from vaerun.models.lightning_module import VAELightningModule

_TERMS = {  # what is shown, and the logged means that add up to it
    "loss": ("train/loss",),
    "val": ("val/loss",),
    "rec": ("val/reconstruction",),
    "KL(z)": ("val/kl_content",),
    "KL(pose)": ("val/kl_pose", "val/kl_bin"),
}
_OF_CLASSES = {"KL(class)": ("val/kl_class",)}


def can_be_live(console: Console) -> bool:
    """Whether a bar can be redrawn here: on a terminal, or in a notebook that has widgets."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)


class ProgressBar(pl.Callback):
    """One bar for all epochs, with the terms of the bound and the time left."""

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
        """Show the bar at the epoch that training starts or resumes with."""
        self.progress.update(self.task, total=trainer.max_epochs, completed=trainer.current_epoch)
        self.progress.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar by a step."""
        share = (batch_idx + 1) / max(int(trainer.num_training_batches), 1)
        self.progress.update(self.task, completed=round(trainer.current_epoch + share, 1))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the terms of the epoch."""
        self.progress.update(self.task, terms=describe(trainer, pl_module))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remove the bar."""
        self.progress.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Remove the bar after a failure, too."""
        self.progress.stop()


class EpochLines(pl.Callback):
    """Prints one line per epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the terms of the epoch."""
        n = trainer.max_epochs
        line = f"epoch {trainer.current_epoch + 1}/{n}  {describe(trainer, pl_module)}"
        self.console.print(line, soft_wrap=True)


def describe(trainer: pl.Trainer, pl_module: pl.LightningModule) -> str:
    """Newest terms of the bound as text, nats per image; those after ``val`` add up to it."""
    assert isinstance(pl_module, VAELightningModule)
    terms = _TERMS | (_OF_CLASSES if pl_module.network.n_classes else {})
    metrics = trainer.callback_metrics
    return "  ".join(
        f"{word} {sum(float(metrics[name]) for name in names):.1f}"
        for word, names in terms.items()
        if all(name in metrics for name in names)
    )
