"""Checkpoints are read without executing anything in them."""

from pathlib import Path
from typing import Any

import torch


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU."""
    # opened here, since torch takes no path that is not UTF-8
    with path.open("rb") as file:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return state
