"""The log of a training, one row an epoch: metrics.csv and TensorBoard."""

import contextlib
import csv
import io
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.tensorboard import SummaryWriter

from vaerun.runs.folder import RunFolder
from vaerun.utils.files import write_text
from vaerun.utils.text import is_text


@contextlib.contextmanager
def event_writer(events: Path) -> Iterator[SummaryWriter]:
    """A writer of TensorBoard's events into a folder.

    TensorBoard takes no path that is not UTF-8, and is given a link to it instead.
    """
    events.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as open_ones:
        path = events
        if not is_text(str(events)):
            path = Path(open_ones.enter_context(tempfile.TemporaryDirectory())) / "events"
            path.symlink_to(events.absolute())
        yield open_ones.enter_context(SummaryWriter(str(path)))


class EpochLog(pl.Callback):
    """Writes all logged means of each epoch to ``metrics.csv`` and for TensorBoard.

    The folder ``events`` of TensorBoard's event file is by default that of the run folder.
    """

    def __init__(self, folder: RunFolder, events: Path | None = None) -> None:
        self.folder = folder
        self.events = events or folder.tensorboard
        self.rows: list[dict[str, float]] = []
        self._start = 0.0
        self._spent = 0.0  # seconds on the epoch that a resumed run continues
        self._writer: SummaryWriter | None = None
        self._open = contextlib.ExitStack()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Rewrite the log from the checkpoint: a killed run may have logged an unsaved epoch."""
        for path in self.events.glob("events*"):
            path.unlink()
        self._writer = self._open.enter_context(event_writer(self.events))
        if self.rows:
            self._write_csv()
        for row in self.rows:
            self._write_events(row)

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

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the event file."""
        self._open.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the event file after a failure, too."""
        self.teardown(trainer, pl_module, "fit")

    def _write_events(self, row: Mapping[str, float]) -> None:
        assert self._writer is not None
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
        return {"rows": self.rows, "spent": time.perf_counter() - self._start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the logged rows and the time spent on the current epoch."""
        self.rows = [dict(row) for row in state_dict["rows"]]
        self._spent = float(state_dict["spent"])
