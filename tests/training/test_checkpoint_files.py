"""Checkpoints as files: one is readable at every moment, and a broken one is not used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vaerun.training.checkpoint_files import CheckpointPair, is_readable


def saving(number: int) -> Callable[[Path], None]:
    state = {"state_dict": {"w": torch.full((1000,), float(number))}, "loops": {}, "seed": number}
    return lambda path: torch.save(state, path)


def number(path: Path) -> int:
    return torch.load(path, weights_only=True)["seed"]


@pytest.fixture
def pair(tmp_path: Path) -> CheckpointPair:
    """Checkpoints of states 1 and 2."""
    made = CheckpointPair(tmp_path / "last.ckpt", tmp_path / "previous.ckpt")
    made.write(saving(1))
    made.write(saving(2))
    return made


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def flip_a_bit(path: Path) -> None:
    """Change a weight by one bit."""
    data = bytearray(path.read_bytes())
    data[data.index(b"\x00\x00\x00@" * 10)] ^= 1  # 2.0
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_content(path: Path) -> None:
    torch.save({"weights": 1}, path)


BREAKS = [truncate, flip_a_bit, empty, other_content, Path.unlink]


def test_the_previous_checkpoint_is_saved(pair: CheckpointPair, tmp_path: Path):
    assert (number(pair.previous), number(pair.newest)) == (1, 2)
    assert pair.newest_readable(pytest.fail) == pair.newest
    pair.write(saving(3), best=tmp_path / "best.ckpt")
    assert (number(pair.previous), number(pair.newest)) == (2, 3)
    truncate(pair.newest)  # the best is not the same file under another name
    assert number(tmp_path / "best.ckpt") == 3
    assert {p.name for p in tmp_path.iterdir()} == {"last.ckpt", "previous.ckpt", "best.ckpt"}


@pytest.mark.parametrize("harm", BREAKS)
def test_a_broken_checkpoint_is_replaced_by_the_previous(
    pair: CheckpointPair, harm: Callable[[Path], None]
):
    harm(pair.newest)
    assert not is_readable(pair.newest)
    warnings: list[str] = []
    assert pair.newest_readable(warnings.append) == pair.newest
    assert number(pair.newest) == 1
    assert len(warnings) == 1
    pair.write(saving(3))
    assert (number(pair.previous), number(pair.newest)) == (1, 3)


def test_if_both_are_broken_there_is_none(pair: CheckpointPair):
    truncate(pair.newest)
    truncate(pair.previous)
    warnings: list[str] = []
    assert pair.newest_readable(warnings.append) is None
    assert "starts again" in warnings[0]
    assert pair.newest_readable(pytest.fail) is None


def test_a_failure_while_writing_leaves_both(pair: CheckpointPair):
    def save(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        pair.write(save)
    assert (number(pair.previous), number(pair.newest)) == (1, 2)
