"""What ranks above 0 do: wait until rank 0 trains something, take part, and wait again.

``python -m vaerun.training.worker`` is what rank 0 starts on its own machine.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from vaerun.runs.config import validate
from vaerun.runs.folder import RunFolder, read_config
from vaerun.training.context import TrainingContext, load_splits
from vaerun.training.distributed.launch import connection, lead_ranks
from vaerun.training.distributed.messages import RankMessages
from vaerun.training.hardware import Hardware
from vaerun.training.trainer import fit_on_rank
from vaerun.utils.distributed import ProcessGroupInfo, detect
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import end_with_parent, guarded
from vaerun.utils.text import show_on_any_terminal

_GRACE = 2.0  # seconds


def run_or_follow(work: Callable[[], int]) -> int:
    """Exit status of the work if this is rank 0 of the processes started, else of following."""
    world = detect()
    if world is None:
        return work()
    if world.rank > 0:
        return follow(world)
    with lead_ranks(world):
        return work()


def follow(world: ProcessGroupInfo) -> int:
    """Take part in all trainings of rank 0 until it closes; returns the exit status."""
    messages = RankMessages.join(world)
    while (training := messages.receive()) is not None:
        section = messages.section(training["section"])
        # rank 0 ends for the same reason, and reports it
        with contextlib.suppress(KeyboardInterrupt, UserError):
            _take_part(RunFolder(Path(training["folder"])), section, world)
    messages.report("left")
    return 0


def _take_part(folder: RunFolder, messages: RankMessages, world: ProcessGroupInfo) -> None:
    """Take part in the training of a run, whose config is in its folder."""
    try:
        config = validate(read_config(folder))
        hardware = Hardware.find(config.trainer)
        splits = load_splits(config)
    except BaseException as fault:
        messages.fail(f"{type(fault).__name__}: {fault}")
        raise
    context = TrainingContext(
        config=config, splits=splits, folder=folder, hardware=hardware, console=Console(quiet=True)
    )
    messages.report("ready")
    with connection(messages, world, hardware.accelerator) as ranks:
        fit_on_rank(replace(context, ranks=ranks))


def _started_here() -> int:
    """Follow a rank 0 that started this process on its own machine."""
    end_with_parent(lambda: os._exit(1))  # nothing to clean up
    world = detect()
    assert world is not None
    try:
        return follow(world)
    except Exception:
        # a rank 0 that failed kills this process meanwhile, and reports the failure itself
        time.sleep(_GRACE)
        raise


if __name__ == "__main__":
    show_on_any_terminal()
    sys.exit(guarded(_started_here))
