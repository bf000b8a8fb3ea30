"""Terminal display of running trials: a live line for each, a lasting one when it ends."""

import contextlib
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vaerun.tasks.sweep import table, trial_status
from vaerun.tasks.sweep.sweep import Sweep, Trial
from vaerun.tasks.sweep.trial_status import FINISHED
from vaerun.utils.format import format_significant

_TAIL = 4096  # bytes of a log in which its last line is searched


class LiveDisplay:
    """Prints a line when a trial ends; keeps live lines of running trials on a terminal."""

    def __init__(self, sweep: Sweep, console: Console) -> None:
        self.sweep = sweep
        self.console = console
        self.start: dict[int, float] = {}
        status = [trial_status.read(sweep, trial).status for trial in sweep.trials]
        self.n_finished = status.count(FINISHED)
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def started(self, trial: Trial) -> None:
        """Start the clock of a trial; print that it began where there are no live lines."""
        self.start[trial.number] = time.monotonic()
        if not self.console.is_terminal:
            self._print(trial, "begins")

    def ended(self, trial: Trial) -> None:
        """Print how the trial ended."""
        result = next(row for row in table.read_results(self.sweep) if row.trial is trial)
        status = result.status
        text = f"{status.status} after {time.monotonic() - self.start[trial.number]:.0f} s"
        value = result.value(self.sweep.metric)
        if value is not None:
            text += f", {self.sweep.metric} {format_significant(value, 6)}"
        if status.status == FINISHED:
            self.n_finished += 1
            text += f", {status.run}" if status.run else ""
        self._print(trial, f"{text}: {status.message}" if status.message else text)

    def update(self, running: Sequence[Trial]) -> None:
        """Redraw the live lines."""
        if not self.console.is_terminal:
            return
        lines = Table.grid(padding=(0, 2))
        for style in ("bold", "", "dim", "dim"):
            lines.add_column(style=style, no_wrap=True, overflow="ellipsis")
        for trial in running:
            title, line = Text(self.sweep.title(trial)), Text(self._last_line(trial))
            seconds = f"{time.monotonic() - self.start[trial.number]:.0f} s"
            lines.add_row(self._position(trial), title, seconds, line)
        lines.add_row("", f"{self.n_finished} of {len(self.sweep.trials)} have finished", "", "")
        self.live.update(lines, refresh=True)

    def _print(self, trial: Trial, text: str) -> None:
        line = f"{self._position(trial)}  {self.sweep.title(trial)}  {text}"
        self.console.print(Text(line), soft_wrap=True)

    def _position(self, trial: Trial) -> str:
        return f"trial {trial.number}/{len(self.sweep.trials)}"

    def _last_line(self, trial: Trial) -> str:
        """The last line of a trial's log that is not empty."""
        with contextlib.suppress(OSError), self.sweep.file(trial, ".log").open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(size - _TAIL, 0))
            lines = log.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""
