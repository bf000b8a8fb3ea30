"""Train a peer on images from a file, in the peers' environment; note the time of each epoch.

python -m bench.peers pyroved images.npz notes.json --images 1000 --epochs 3

Each is trained by its own trainer with its own defaults; network and batch size are given. Times
are those of `time.monotonic`, a clock that all processes share.
"""

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Notes = dict[str, Any]
Array = npt.NDArray[np.float32]

HIDDEN = [256, 256]
PACKAGES = {
    "pyroved": ("pyroved", "pyro-ppl", "torch", "numpy"),
    "atomai": ("atomai", "torch", "numpy"),
}
_AT_ONCE = 200  # held-out images: a spatial decoder holds 600,000 numbers for each


def timed(epoch: Callable[[], Any], notes: Notes) -> Any:
    """Run an epoch and note its start and end; returns what it returns."""
    began = time.monotonic()
    result = epoch()
    ended = time.monotonic()
    notes["epochs"].append({"began": began, "ended": ended, "steps_seconds": ended - began})
    return result


def pyroved(train: Array, held_out: Array, asked: argparse.Namespace, notes: Notes) -> Array:
    """Train pyroVED's rVAE; returns angles of the held-out images and notes their −ELBO.

    Not by `SVItrainer.evaluate`, which steps the optimiser: `SVI.evaluate_loss`, on which training
    is built, gives the same −ELBO and changes nothing.
    """
    import pyroved

    model = pyroved.models.iVAE(
        train.shape[1:],
        latent_dim=asked.latents,
        invariances=["r"],
        hidden_dim_e=HIDDEN,
        hidden_dim_d=HIDDEN,
        seed=asked.seed,
    )
    notes["parameters"] = sum(p.numel() for p in model.parameters())
    trainer = pyroved.trainers.SVItrainer(model, seed=asked.seed)
    loader = pyroved.utils.init_dataloader(torch.from_numpy(train), batch_size=asked.batch)
    for _ in range(asked.epochs):
        timed(lambda: trainer.step(loader), notes)
    x = torch.from_numpy(held_out)
    if len(x):
        with torch.no_grad():
            total = sum(trainer.svi.evaluate_loss(some) for some in x.split(_AT_ONCE))
        notes["loss"] = total / len(x)
    return model.encode(x)[0][:, 0].numpy() if len(x) else np.zeros(0, np.float32)


def atomai(train: Array, held_out: Array, asked: argparse.Namespace, notes: Notes) -> Array:
    """Train AtomAI's rVAE; returns angles of the held-out images. Its loss is not a bound."""
    import atomai

    class Timed(atomai.models.rVAE):
        def train_epoch(self) -> float:
            return timed(super().train_epoch, notes)

    layers = {
        f"num{what}_{net}": number
        for net in ("encoder", "decoder")
        for what, number in (("layers", len(HIDDEN)), ("hidden", HIDDEN[0]))
    }
    model = Timed(
        train.shape[1:], latent_dim=asked.latents, translation=False, seed=asked.seed, **layers
    )
    networks = (model.encoder_net, model.decoder_net)
    notes["parameters"] = sum(p.numel() for net in networks for p in net.parameters())
    model.fit(train, training_cycles=asked.epochs, batch_size=asked.batch)
    return model.encode(held_out)[0][:, 0] if len(held_out) else np.zeros(0, np.float32)


PEERS = {"pyroved": pyroved, "atomai": atomai}


def main() -> None:
    """Train the peer, write notes and angles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("file", type=Path, help="images.npz, as bench.draw writes it")
    parser.add_argument("notes", type=Path, help="where to write; angles go beside it")
    parser.add_argument("--images", type=int, required=True, help="train on the first N")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--held-out", type=int, default=0, help="evaluate on the first N")
    parser.add_argument("--latents", type=int, default=2, help="dimensions of the content")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with np.load(asked.file) as images:
        train = images["train"][: asked.images]
        held_out = images["held_out"][: asked.held_out]
    notes: Notes = {"epochs": [], "threads": torch.get_num_threads()}
    angle = PEERS[asked.peer](train, held_out, asked, notes)
    notes["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES[asked.peer]}
    np.save(asked.notes.with_suffix(".npy"), angle[None])  # of the last epoch only
    asked.notes.write_text(json.dumps(notes))


if __name__ == "__main__":
    main()
