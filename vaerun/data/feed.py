"""Batches from memory: one tensor on the device, selected by index.

The order of an epoch is a function of (seed, epoch) and of nothing else, so a resumed run sees
the batches that an uninterrupted one would have seen, from any of them on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vaerun.data.sets import Images

Pictures = TypeVar("Pictures", bound=Images, covariant=True)


class Batch(NamedTuple, Generic[Pictures]):
    """What a step is given: images in a tensor. All of a split may be patches instead.

    Attributes
    ----------
    images
        (B, C, H, W) what the encoder sees.
    target
        (B, C, H, W) what is to be reconstructed.
    label
        (B,) the class, −1 where the model is not to know it.
    condition
        (B, n) what a conditional model is told, else None.
    guide
        (B, 2) class and angle found before training, −1 and NaN where none was; else None.
    """

    images: Pictures
    target: Pictures
    label: Tensor
    condition: Tensor | None = None
    guide: Tensor | None = None

    def at(self, index: Tensor) -> "Batch[Tensor]":
        """Those of some positions, patches cut out."""
        images = self.images[index]
        target = images if self.target is self.images else self.target[index]
        rest = (None if t is None else t[index] for t in self[2:])
        return Batch(images, target, *rest)  # type: ignore[arg-type]

    def to(self, device: torch.device) -> "Batch[Pictures]":
        """The same on a device."""
        images = self.images.to(device)
        target = images if self.target is self.images else self.target.to(device)
        rest = (None if t is None else t.to(device) for t in self[2:])
        return Batch(images, target, *rest)  # type: ignore[arg-type]


class MemorySource(Dataset[Batch[Tensor]]):
    """All images of a split, as one batch that lies on the device already."""

    def __init__(self, everything: Batch[Images], device: torch.device) -> None:
        self.everything = everything.to(device)

    def __len__(self) -> int:
        return len(self.everything.images)

    def __getitem__(self, index: Tensor) -> Batch[Tensor]:
        """The batch of those positions."""
        return self.everything.at(index.to(self.everything.images.device))


class EpochSampler(Sampler[Tensor]):
    """Positions of each batch; an epoch shows every image once.

    Labelled images are spread evenly: each batch has its share of them, beside ``batch_size``
    others, whatever their numbers.

    Parameters
    ----------
    n
        Number of images without a label, which come first.
    n_labelled
        Number of images with one, which follow.
    batch_size
        Images without a label in a batch; the last has fewer.
    seed
        With the epoch it determines the order; None keeps that of the source.
    epoch
        Tells which epoch it is. Asked when the first batch is wanted and no sooner: Lightning
        opens the iterator of a resumed run before it knows the epoch itself.
    seen
        Tells how many batches of the epoch were seen before a resumed run was stopped; asked
        when the epoch is.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        seed: int | None,
        epoch: Callable[[], int],
        n_labelled: int = 0,
        seen: Callable[[], int] = lambda: 0,
    ) -> None:
        self.n = n
        self.n_labelled = n_labelled
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.seen = seen

    def __len__(self) -> int:
        return -(-max(self.n, self.n_labelled) // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        parts = [torch.arange(self.n), self.n + torch.arange(self.n_labelled)]
        if self.seed is not None:
            rng = np.random.default_rng((self.seed, self.epoch()))
            parts = [part[torch.from_numpy(rng.permutation(len(part)))] for part in parts]
        images, labelled = parts
        batches: Sequence[Tensor] = images.split(self.batch_size)
        if self.n_labelled:
            shares = (part.tensor_split(len(self)) for part in (images, labelled))
            batches = [torch.cat(share) for share in zip(*shares, strict=True)]
        yield from batches[self.seen() :]


def feed(
    everything: Batch[Images],
    batch_size: int,
    device: torch.device,
    *,
    n_labelled: int = 0,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
    seen: Callable[[], int] = lambda: 0,
) -> DataLoader[Batch[Tensor]]:
    """Batches of a split, whose last ``n_labelled`` have labels; shuffled if there is a seed."""
    # batch_size=None: the sampler hands over whole batches of positions, gathered in one go
    n = len(everything.images) - n_labelled
    return DataLoader(
        MemorySource(everything, device),
        sampler=EpochSampler(n, batch_size, seed, epoch, n_labelled, seen),
        batch_size=None,
    )
