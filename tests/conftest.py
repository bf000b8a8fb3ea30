"""What the tests of the program as a whole share: its tasks replaced, its output looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vaerun.cli import main
from vaerun.manifest import About, Job, record
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import claim
from vaerun.tasks import TASKS
from vaerun.utils.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAERUN_DATA", raising=False)
    return tmp_path


@pytest.fixture
def vaerun(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Runs the command line in an empty folder: status, lines of output, lines of errors."""

    def run(*arguments: str) -> tuple[int, list[str], list[str]]:
        status = main(arguments)
        output, errors = capsys.readouterr()
        return status, output.splitlines(), errors.splitlines()

    return run


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunConfig, Job]]:
    """What the training task was asked for; it claims a run folder and ends by its seed.

    Seed 1 is a failure of ours, 2 an interruption, 3 a fault of the user's.
    """
    ends: dict[int, BaseException] = {
        1: ValueError("a bug"),
        2: KeyboardInterrupt(),
        3: UserError("data.path=x\n  holds no images", "give a folder"),
    }
    asked: list[tuple[RunConfig, Job]] = []

    def train(config: RunConfig, job: Job) -> Path:
        asked.append((config, job))
        folder = claim(config.out, config.model.name, config.data.name)
        with record(folder, job, About(device="cpu", data_fingerprint="")):
            if config.seed in ends:
                raise ends[config.seed]
        return folder.path

    monkeypatch.setitem(TASKS, "train", train)
    return asked
