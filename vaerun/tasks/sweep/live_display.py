"""What the terminal shows of trials at work: a line for each, kept up to date."""

import contextlib
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vaerun.tasks.sweep import table, trial_status
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.tasks.sweep.trial_status import FINISHED
from vaerun.utils.format import format_significant

_TAIL = 4096  # bytes of a log that its last line is looked for in


class LiveDisplay:
    """Lines that stay for what began and ended, and on a terminal live ones for what goes on."""

    def __init__(self, sweep: Sweep, console: Console) -> None:
        self.sweep = sweep
        self.console = console
        self.since: dict[int, float] = {}
        self.n_done = 0
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin to show."""
        found = [trial_status.read(self.sweep, trial) for trial in self.sweep.trials]
        self.n_done = sum(record.status == FINISHED for record in found)
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live lines away."""
        self.live.stop()

    def started(self, trial: Trial) -> None:
        """Say so, where no live line does."""
        self.since[trial.number] = time.monotonic()
        if not self.console.is_terminal:
            self._say(trial, "begins")

    def ended(self, trial: Trial) -> None:
        """Say how."""
        row = next(row for row in table.read_rows(self.sweep) if row.trial is trial)
        record = row.record
        self.n_done += record.status == FINISHED
        said = f"{record.status} after {time.monotonic() - self.since[trial.number]:.0f} s"
        value = row.value(self.sweep.metric)
        if value is not None:
            said += f", {self.sweep.metric} {format_significant(value, 6)}"
        said += f", {record.run}" if record.run and record.status == FINISHED else ""
        said += f": {record.message}" if record.message else ""
        self._say(trial, said)

    def look(self, at_work: Sequence[Trial]) -> None:
        """Bring the live lines up to date."""
        if not self.console.is_terminal:
            return
        lines = Table.grid(padding=(0, 2))
        for style in ("bold", "", "dim", "dim"):
            lines.add_column(style=style, no_wrap=True, overflow="ellipsis")
        for trial in at_work:
            seconds = time.monotonic() - self.since[trial.number]
            lines.add_row(
                self._place(trial),
                Text(self.sweep.title(trial)),
                f"{seconds:.0f} s",
                Text(self._last_words(trial)),
            )
        lines.add_row("", f"{self.n_done} of {len(self.sweep.trials)} have finished", "", "")
        self.live.update(lines, refresh=True)

    def _say(self, trial: Trial, what: str) -> None:
        words = f"{self._place(trial)}  {self.sweep.title(trial)}  {what}"
        self.console.print(Text(words), soft_wrap=True)

    def _place(self, trial: Trial) -> str:
        return f"trial {trial.number}/{len(self.sweep.trials)}"

    def _last_words(self, trial: Trial) -> str:
        """The last line of a trial's log."""
        with contextlib.suppress(OSError), self.sweep.file(trial, ".log").open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(size - _TAIL, 0))
            lines = log.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""
