"""The log of a training, one row an epoch: metrics.csv, TensorBoard and further loggers."""

import contextlib
import csv
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from vaerun.runs.folder import RunFolder
from vaerun.training.event_files import event_writer
from vaerun.training.loggers import extra_loggers, finish, ids_of, numbers
from vaerun.utils.files import write_text

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger
    from torch.utils.tensorboard import SummaryWriter


class EpochLog(pl.Callback):
    """Writes all logged means of each epoch to ``metrics.csv`` and to the loggers asked for.

    Parameters
    ----------
    folder
        The run folder.
    loggers
        Those of ``trainer.logger``; ``metrics.csv`` is written in any case, as a run needs it.
    events
        Folder of TensorBoard's event file; None: that of the run folder.
    """

    def __init__(
        self, folder: RunFolder, loggers: Sequence[str], events: Path | None = None
    ) -> None:
        self.folder = folder
        self.names = loggers
        self.events = events or folder.tensorboard
        self._further: dict[str, Logger] = {}
        self._ids: dict[str, str] = {}
        self.rows: list[dict[str, float]] = []
        self._start = 0.0
        self._spent = 0.0  # seconds on the epoch that a resumed run continues
        self._writer: SummaryWriter | None = None
        self._open = contextlib.ExitStack()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Rewrite the log from the checkpoint: a killed run may have logged an unsaved epoch."""
        for path in self.events.glob("events*"):
            path.unlink()
        if "tensorboard" in self.names:
            self._writer = self._open.enter_context(event_writer(self.events))
        if self.rows:
            self._write_csv()
        for row in self.rows:
            self._write_events(row)
        self._further = extra_loggers(self.names, self.folder, self._ids)
        for name, logger in self._further.items():
            for row in self.rows if name not in self._ids else []:
                logger.log_metrics(numbers(row), step=int(row["epoch"]))
        self._ids = ids_of(self._further)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Continue the clock of the epoch that a checkpoint was saved in."""
        self._start = time.perf_counter() - self._spent

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of an epoch."""
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add and write the row of the epoch."""
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step)}
        row |= {name: float(v) for name, v in sorted(trainer.callback_metrics.items())}
        row["seconds"] = time.perf_counter() - self._start
        self.rows.append(row)
        self._write_csv()
        self._write_events(row)
        for logger in self._further.values():
            logger.log_metrics(numbers(row), step=int(row["epoch"]))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the event file and the loggers."""
        self._close("success")

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the event file and the loggers after a failure, too."""
        self._close("failed")

    def _close(self, status: str) -> None:
        self._open.close()
        further, self._further = self._further, {}
        finish(further, status)

    def _write_events(self, row: Mapping[str, float]) -> None:
        if self._writer is None:
            return
        for name, value in row.items():
            self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def _write_csv(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.10g}" for k, v in r.items()} for r in self.rows)
        write_text(self.folder.metrics_csv, text.getvalue())

    @property
    def state_key(self) -> str:
        """Key of the log in a checkpoint."""
        return "epoch_log"

    def state_dict(self) -> dict[str, Any]:
        """All rows so far, and the seconds spent on the current epoch."""
        spent = time.perf_counter() - self._start
        return {"rows": self.rows, "spent": spent, "ids": self._ids}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the logged rows and the time spent on the current epoch."""
        self.rows = [dict(row) for row in state_dict["rows"]]
        self._spent = float(state_dict["spent"])
        self._ids = dict(state_dict["ids"])
