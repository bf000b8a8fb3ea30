"""The other ranks' side: they wait until rank 0 trains something, take part, and wait again.

python -m vaerun.training.worker        as rank 0 starts it on its own machine
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable
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

_PATIENCE = 2.0  # seconds


def run_or_follow(work: Callable[[], int]) -> int:
    """Do some work as rank 0 of the processes that were started for it, or follow that one.

    Returns
    -------
    int
        The exit status.
    """
    world = detect()
    if world is None:
        return work()
    if world.rank > 0:
        return follow(world)
    with lead_ranks(world):
        return work()


def follow(world: ProcessGroupInfo) -> int:
    """Take part in whatever rank 0 trains until it has no more; returns the exit status."""
    board = RankMessages.joined(world)
    while (training := board.read()) is not None:
        section = board.section(training["section"])
        # rank 0 is at the same end, and the one to speak of it
        with contextlib.suppress(KeyboardInterrupt, UserError):
            _take_part(RunFolder(Path(training["folder"])), section, world)
    board.say("left")
    return 0


def _take_part(folder: RunFolder, board: RankMessages, world: ProcessGroupInfo) -> None:
    """In the training of a run, whose config is in its folder."""
    try:
        config = validate(read_config(folder))
        hardware = Hardware.find(config.trainer)
        splits = load_splits(config)
    except BaseException as fault:
        board.fail(f"{type(fault).__name__}: {fault}")
        raise
    board.say("ready")
    with connection(board, world, hardware.accelerator) as ranks:
        silent = Console(quiet=True)
        fit_on_rank(
            TrainingContext(
                config=config,
                splits=splits,
                folder=folder,
                hardware=hardware,
                console=silent,
                ranks=ranks,
            )
        )


def _started_here() -> int:
    """One that rank 0 has started on its own machine."""
    end_with_parent(lambda: os._exit(1))  # there is nothing that it would have to put in order
    world = detect()
    assert world is not None
    try:
        return follow(world)
    except Exception:
        # if rank 0 has failed it ends this process: then the fault is its own, and told by it
        time.sleep(_PATIENCE)
        raise


if __name__ == "__main__":
    sys.exit(guarded(_started_here))
