"""Train a peer's joint model for so long, in the peers' environment; write its classes.

python -m bench.joint_peers pyroved images.npz classes.npy --seconds 600 --classes 4

Each is trained by its own trainer with its own defaults; network, batch size, classes and
invariances are given. The time is that of the processor, so that other work beside does not count.
"""

import argparse
import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bench.peers import HIDDEN

Array = npt.NDArray[np.float32]
_AT_ONCE = 200  # held-out images


class OutOfTime(Exception):
    """Raised between epochs once the time is spent."""


class UntilTime:
    """A loader whose epoch ends once the time is spent: one of pyroVED's may take half an hour."""

    def __init__(self, loader: Iterable[Any], seconds: float) -> None:
        self.loader, self.seconds = loader, seconds
        self.dataset = loader.dataset  # by which the trainer divides
        self.n_seen = 0

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            if self.n_seen and time.process_time() >= self.seconds:
                return
            self.n_seen += len(batch[0])
            yield batch


def pyroved(train: Array, held_out: Array, asked: argparse.Namespace) -> tuple[Array, int]:
    """Classes (N,) of the held-out images by pyroVED's jiVAE, and images seen."""
    import pyroved

    model = pyroved.models.jiVAE(
        train.shape[1:],
        latent_dim=2,
        discrete_dim=asked.classes,
        invariances=list(asked.invariances),
        hidden_dim_e=HIDDEN,
        hidden_dim_d=HIDDEN,
        seed=asked.seed,
    )
    trainer = pyroved.trainers.SVItrainer(model, enumerate_parallel=True, seed=asked.seed)
    loader = pyroved.utils.init_dataloader(torch.from_numpy(train), batch_size=asked.batch)
    timed = UntilTime(loader, asked.seconds)
    while time.process_time() < asked.seconds:
        trainer.step(timed)
    parts = torch.from_numpy(held_out).split(_AT_ONCE)
    return np.concatenate([model.encode(x)[2].numpy() for x in parts]), timed.n_seen


def atomai(train: Array, held_out: Array, asked: argparse.Namespace) -> tuple[Array, int]:
    """Classes (N,) of the held-out images by AtomAI's jrVAE, which has no scale; images seen."""
    import atomai

    class Limited(atomai.models.jrVAE):
        epochs = 0

        def train_epoch(self) -> float:
            if self.epochs and time.process_time() >= asked.seconds:
                raise OutOfTime
            self.epochs += 1
            return super().train_epoch()

    layers = {
        f"num{what}_{net}": number
        for net in ("encoder", "decoder")
        for what, number in (("layers", len(HIDDEN)), ("hidden", HIDDEN[0]))
    }
    model = Limited(
        train.shape[1:],
        latent_dim=2,
        discrete_dim=[asked.classes],
        translation="t" in asked.invariances,
        seed=asked.seed,
        **layers,
    )
    with contextlib.suppress(OutOfTime):
        model.fit(train, training_cycles=100_000, batch_size=asked.batch)
    return model.encode(held_out)[2].argmax(1), model.epochs * len(train)


PEERS = {"pyroved": pyroved, "atomai": atomai}


def main() -> None:
    """Train the peer, write the classes of the held-out images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("file", type=Path, help="images.npz, as bench.draw writes it")
    parser.add_argument("classes_file", type=Path, help="classes of the held-out images")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--invariances", default="r")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with np.load(asked.file) as images:
        train, held_out = images["train"], images["held_out"]
    classes, n_seen = PEERS[asked.peer](train, held_out, asked)
    np.save(asked.classes_file, classes)
    print(f"{asked.peer}: {n_seen} images in {time.process_time():.0f} s")


if __name__ == "__main__":
    main()
