"""The log of a training: one row an epoch, as a table and for TensorBoard."""

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.tensorboard import SummaryWriter

from vaerun.runs.folder import RunFolder
from vaerun.utils.files import write_text


class EpochLog(pl.Callback):
    """One row an epoch of all logged means, in ``metrics.csv`` and for TensorBoard.

    Parameters
    ----------
    folder
        Of the run.
    board
        Where event files go, which show one training each; None: the run's own place.
    """

    def __init__(self, folder: RunFolder, board: Path | None = None) -> None:
        self.folder = folder
        self.board = board or folder.tensorboard
        self.rows: list[dict[str, float]] = []
        self._start = 0.0
        self._spent = 0.0  # on the epoch that a resumed run is in, seconds
        self._events: SummaryWriter | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what is known of epochs that came before, and nothing else.

        A run that was killed may have logged an epoch that it had no time to keep.
        """
        del trainer, pl_module
        for path in self.board.glob("events*"):
            path.unlink()
        self._events = SummaryWriter(str(self.board))
        if self.rows:
            self._write_csv()
        for row in self.rows:
            self._write_events(row)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with the clock of an epoch that had begun."""
        del trainer, pl_module
        self._start = time.perf_counter() - self._spent

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
        self._write_events(row)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the event file."""
        if self._events is not None:
            self._events.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close it also after a failure or an interrupt, when nothing is torn down."""
        self.teardown(trainer, pl_module, "fit")

    def _write_events(self, row: Mapping[str, float]) -> None:
        assert self._events is not None
        for name, value in row.items():
            self._events.add_scalar(name, value, int(row["epoch"]))
        self._events.flush()

    def _write_csv(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.10g}" for k, v in r.items()} for r in self.rows)
        write_text(self.folder.metrics_csv, text.getvalue())

    @property
    def state_key(self) -> str:
        """Key of this log in a checkpoint file, whatever the class is called."""
        return "History"

    def state_dict(self) -> dict[str, Any]:
        """All rows so far, and the seconds since the last."""
        return {"rows": self.rows, "spent": time.perf_counter() - self._start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        self.rows = [dict(row) for row in state_dict["rows"]]
        self._spent = float(state_dict.get("spent", 0.0))  # older ones do not say
