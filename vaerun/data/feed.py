"""Batches from memory: one tensor on the device, selected by index.

The order of an epoch is a function of (seed, epoch) and of nothing else, so a resumed run sees
the batches that an uninterrupted one would have seen, from any of them on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vaerun.data.sets import Images
from vaerun.ranks.share import Share

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
    share
        What of a batch these are; None where they are the whole.
    """

    images: Pictures
    target: Pictures
    label: Tensor
    condition: Tensor | None = None
    guide: Tensor | None = None
    share: Share | None = None

    def at(self, index: Tensor) -> "Batch[Tensor]":
        """Those of some positions, patches cut out."""
        return self._changed(lambda part: part[index])

    def to(self, device: torch.device) -> "Batch[Pictures]":
        """The same on a device."""
        return self._changed(lambda part: part.to(device))

    def _changed(self, change: Callable[[Any], Any]) -> "Batch[Any]":
        """Every part changed alike; images and targets that are the same stay so."""
        images = change(self.images)
        return Batch(
            images,
            images if self.target is self.images else change(self.target),
            change(self.label),
            None if self.condition is None else change(self.condition),
            None if self.guide is None else change(self.guide),
            self.share,
        )


class Rows(NamedTuple):
    """Positions (n,) of a batch in its source, or of one rank's share of it."""

    positions: Tensor
    share: Share | None


class MemorySource(Dataset[Batch[Tensor]]):
    """All images of a split, as one batch that lies on the device already."""

    def __init__(self, everything: Batch[Images], device: torch.device) -> None:
        self.everything = everything.to(device)

    def __len__(self) -> int:
        return len(self.everything.images)

    def __getitem__(self, rows: Rows) -> Batch[Tensor]:
        """The batch of those positions."""
        batch = self.everything.at(rows.positions.to(self.everything.images.device))
        return batch._replace(share=rows.share)


class EpochSampler(Sampler[Rows]):
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
    rank, n_ranks
        Of those that train together, each of which has a share of every batch; all shares are of
        the same size, or one more.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        seed: int | None,
        epoch: Callable[[], int],
        n_labelled: int = 0,
        seen: Callable[[], int] = lambda: 0,
        rank: int = 0,
        n_ranks: int = 1,
    ) -> None:
        self.n = n
        self.n_labelled = n_labelled
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.seen = seen
        self.rank = rank
        self.n_ranks = n_ranks

    def __len__(self) -> int:
        n_batches, n_left = divmod(max(self.n, self.n_labelled), self.batch_size)
        # what is left over goes to the last batch if there is not one image for each rank
        return max(n_batches + (n_left >= self.n_ranks), 1)

    def __iter__(self) -> Iterator[Rows]:
        parts = [torch.arange(self.n), self.n + torch.arange(self.n_labelled)]
        if self.seed is not None:
            rng = np.random.default_rng((self.seed, self.epoch()))
            parts = [part[torch.from_numpy(rng.permutation(len(part)))] for part in parts]
        images, labelled = parts
        ends = [self.batch_size * number for number in range(1, len(self))]
        batches: Sequence[Tensor] = images.tensor_split(ends)
        if self.n_labelled:
            split = (part.tensor_split(len(self)) for part in (images, labelled))
            batches = [torch.cat(parts) for parts in zip(*split, strict=True)]
        for batch in batches[self.seen() :]:
            if self.n_ranks == 1:
                yield Rows(batch, None)
            else:
                share = Share(self.rank, self.n_ranks, len(batch))
                yield Rows(batch[self.rank :: self.n_ranks], share)


def feed(
    everything: Batch[Images],
    batch_size: int,
    device: torch.device,
    *,
    n_labelled: int = 0,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
    seen: Callable[[], int] = lambda: 0,
    rank: int = 0,
    n_ranks: int = 1,
) -> DataLoader[Batch[Tensor]]:
    """Batches of a split, whose last ``n_labelled`` have labels; shuffled if there is a seed.

    See `EpochSampler` for the parameters.
    """
    # batch_size=None: the sampler hands over whole batches of positions, gathered in one go
    n = len(everything.images) - n_labelled
    return DataLoader(
        MemorySource(everything, device),
        sampler=EpochSampler(n, batch_size, seed, epoch, n_labelled, seen, rank, n_ranks),
        batch_size=None,
    )
