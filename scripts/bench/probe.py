"""The `vaerun` command, with a callback that notes the times of its training.

python -m bench.probe notes.json model=rvae data=cards_iv
python -m bench.probe --angles --only-training notes.json model=rvae data=cards_iv

Nothing else differs from `python -m vaerun`. Times are those of `time.monotonic`, a clock that all
processes share.
"""

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from bench.draw import fingerprint
from vaerun import cli
from vaerun.models import inference
from vaerun.models.invariant_vae import count_parameters
from vaerun.tasks import train
from vaerun.training.context import TrainingContext
from vaerun.training.trainer import TrainingRecord, fit


class TimingCallback(pl.Callback):
    """Notes start and end of training and of each epoch; copies the state after each if asked.

    A copy takes milliseconds.
    """

    def __init__(self, *, copy_states: bool) -> None:
        self.copy_states = copy_states
        self.notes: dict[str, Any] = {"epochs": []}
        self.states: list[dict[str, Any]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note that everything is set up."""
        self.notes["training_began"] = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the start of an epoch."""
        self.notes["epochs"].append({"began": time.monotonic(), "n_images": 0})

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the end of a step; that of the last step of an epoch remains."""
        now = time.monotonic()
        self.notes.setdefault("first_step", now)
        epoch = self.notes["epochs"][-1]
        epoch["steps_seconds"] = now - epoch["began"]
        epoch["n_images"] += len(batch.images)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Note the end of an epoch and its validation."""
        epoch = self.notes["epochs"][-1]
        epoch["ended"] = time.monotonic()
        epoch["loss"] = float(trainer.callback_metrics["val/loss"])
        if self.copy_states:
            self.states.append(deepcopy(pl_module.network.state_dict()))


def watched(
    context: TrainingContext, callbacks: Sequence[pl.Callback] = (), *, asked: argparse.Namespace
) -> TrainingRecord:
    """Call `vaerun.training.trainer.fit` with a `TimingCallback`, then write its notes."""
    timing = TimingCallback(copy_states=asked.angles)
    record = fit(context, [*callbacks, timing])
    notes = timing.notes
    notes["training_ended"] = time.monotonic()
    if asked.angles:
        # a copy, since the results are made with the network as training left it
        network = deepcopy(record.module.network).eval()
        angles = []
        for state in timing.states:
            network.load_state_dict(state)
            angles.append(inference.encode_images(network, context.splits.val.images).angle)
        np.save(asked.notes.with_suffix(".npy"), np.stack(angles))
        notes["fingerprint"] = fingerprint(context.splits)
    notes["parameters"] = count_parameters(record.module.network)
    notes["precision"] = context.hardware.precision
    notes["threads"] = torch.get_num_threads()
    asked.notes.write_text(json.dumps(notes))
    if asked.only_training:
        sys.stdout.flush()
        os._exit(0)
    return record


def main() -> int:
    """Run vaerun with the arguments that follow ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--angles", action="store_true", help="encode held-out images, too")
    parser.add_argument("--only-training", action="store_true", help="end without results")
    parser.add_argument("notes", type=Path, help="where to write; angles go beside it")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="arguments of vaerun")
    asked = parser.parse_args()
    train.fit = functools.partial(watched, asked=asked)
    return cli.main(asked.words)


if __name__ == "__main__":
    sys.exit(main())
