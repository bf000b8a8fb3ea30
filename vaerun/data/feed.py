"""Batches from memory: one tensor on the device, selected by index.

The order of an epoch is a function of (seed, epoch) and of nothing else, so a resumed run sees
the batches that an uninterrupted one would have seen.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vaerun.data.sets import ImageSet


class Batch(NamedTuple):
    """Images (B, C, H, W) and their labels (B,), −1 where unknown."""

    images: Tensor
    label: Tensor


class MemorySource(Dataset[Batch]):
    """Images and labels that lie on the device already."""

    def __init__(self, images: ImageSet, device: torch.device) -> None:
        self.images = images.images.to(device)
        self.label = images.label.to(device)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor) -> Batch:
        """The batch of those positions."""
        chosen = index.to(self.images.device)
        return Batch(self.images[chosen], self.label[chosen])


class EpochSampler(Sampler[Tensor]):
    """Positions of each batch, (batch_size,) and a shorter last one.

    Parameters
    ----------
    n
        Number of images.
    batch_size
        Images in a batch.
    seed
        With the epoch it determines the order; None keeps that of the source.
    epoch
        Tells which epoch it is. Asked when the first batch is wanted and no sooner: Lightning
        opens the iterator of a resumed run before it knows the epoch itself.
    """

    def __init__(
        self, n: int, batch_size: int, seed: int | None, epoch: Callable[[], int]
    ) -> None:
        self.n = n
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.seed is None:
            order = torch.arange(self.n)
        else:
            rng = np.random.default_rng((self.seed, self.epoch()))
            order = torch.from_numpy(rng.permutation(self.n))
        yield from order.split(self.batch_size)


def feed(
    images: ImageSet,
    batch_size: int,
    device: torch.device,
    *,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
) -> DataLoader[Batch]:
    """Batches of an image set, shuffled anew each epoch if there is a ``seed``."""
    # batch_size=None: the sampler hands over whole batches of positions, gathered in one go
    return DataLoader(
        MemorySource(images, device),
        sampler=EpochSampler(len(images), batch_size, seed, epoch),
        batch_size=None,
    )
