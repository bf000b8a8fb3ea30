"""Short runs of the real command, and ways to stop them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vaerun.training.epoch_log import EpochLog

TINY = (
    "data.size=16",
    "data.train_size=60",
    "data.val_size=30",
    "data.repeats=1",
    "data.batch_size=20",
    "model.hidden=[12,10]",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)


@pytest.fixture
def run(vaerun, monkeypatch) -> Callable[..., Path]:
    """A run of the real command, without figures of its results; its folder."""
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})

    def finish(*overrides: str, status: int = 0) -> Path:
        done, output, errors = vaerun(*TINY, *overrides)
        assert (done, errors) == (status, [] if status == 0 else ["interrupted"])
        return Path(output[-1].removeprefix("run: "))

    return finish


@pytest.fixture
def stop_after(monkeypatch) -> Callable[[int | None], None]:
    """Sets the epoch after which a training is interrupted, as by Ctrl-C; None for never."""
    write, last = EpochLog._write_csv, [None]

    def interrupted(log: EpochLog) -> None:
        write(log)
        if len(log.rows) == last[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochLog, "_write_csv", interrupted)

    def stop(epoch: int | None) -> None:
        last[0] = epoch

    return stop
