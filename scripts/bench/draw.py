"""Draw images with vaerun into a file that the peers read; note processor and versions.

python -m bench.draw images.npz about.json data=cards_iv data.train_size=3000 seed=0
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.config.compose import compose
from vaerun.data.image_set import ImageSet, Splits
from vaerun.runs.config import validate
from vaerun.training.context import load_splits
from vaerun.utils.devices import cpu, quick_at_bfloat16


def fingerprint(splits: Splits) -> str:
    """SHA-256 of the pixels, to check that two processes have drawn the same images."""
    digest = hashlib.sha256()
    for images in (splits.train, splits.val):
        digest.update(np.ascontiguousarray(_pixels(images)).tobytes())
    return digest.hexdigest()


def _pixels(some: ImageSet) -> npt.NDArray[np.float32]:
    """The first channel, (N, H, W)."""
    assert isinstance(some.images, Tensor)
    return some.images[:, 0].numpy()


def main(file: str, about: str, *words: str) -> None:
    """Write images (N, H, W), with labels and angles of the held-out ones."""
    splits = load_splits(validate(compose(words)))
    val = splits.val
    np.savez(
        file,
        train=_pixels(splits.train),
        held_out=_pixels(val),
        label=val.label.numpy(),
        angle=val.factors["angle"].numpy(),
        symmetry=np.array(splits.symmetry),
    )
    facts = {
        "fingerprint": fingerprint(splits),
        "processor": cpu().get("cpu_name"),
        "bfloat16": quick_at_bfloat16("cpu"),
        "torch": torch.__version__,
    }
    Path(about).write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
