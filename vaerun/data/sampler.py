"""Order in which an epoch shows its images, as batches of positions.

The order is a function of (seed, epoch) alone, so that a resumed run sees the batches that an
uninterrupted one would have seen. Images in a file are read in windows, and only images that are
held in memory together can be shuffled: see `windowed_shuffle`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from vaerun.utils.distributed import BatchShare

_BLOCKS = 128  # in a window, from as many places of the file


class BatchIndices(NamedTuple):
    """Positions (n,) of a batch in its data set, or of one rank's share of the batch."""

    positions: Tensor
    share: BatchShare | None


@dataclass(kw_only=True)
class BatchOrder:
    """Size and order of the batches of an epoch, and which of them a rank still has to see.

    Attributes
    ----------
    batch_size
        Unlabelled images in a batch of all ranks together; the last batch has fewer.
    seed
        Determines the order, together with the epoch; None for the order of the data set.
    epoch
        Returns the number of the epoch. Called when the first batch is needed, since Lightning
        creates the iterator of a resumed run before it restores the epoch.
    seen
        Returns how many batches of the epoch were seen before a resumed run was stopped; called
        together with `epoch`.
    repeats
        Times the epoch shows each image.
    rank, n_ranks
        Each rank gets a share of every batch; the sizes of the shares differ by one at most.
    """

    batch_size: int
    seed: int | None = None
    epoch: Callable[[], int] = lambda: 0
    seen: Callable[[], int] = lambda: 0
    repeats: int = 1
    rank: int = 0
    n_ranks: int = 1


def windowed_shuffle(n: int, n_windows: int, rng: np.random.Generator) -> Tensor:
    """Shuffled positions of n images (n,), such that few images must be in memory at a time.

    Blocks of consecutive images are shuffled and dealt out to windows, 128 to each, and the
    images of each window are shuffled. With one window, or blocks of one image, all orders are
    equally likely.
    """
    if n_windows == 1:
        return torch.from_numpy(rng.permutation(n))
    n_blocks = min(n_windows * _BLOCKS, n)
    ends = np.linspace(0, n, n_blocks + 1).astype(np.int64)
    windows = []
    for blocks in np.array_split(rng.permutation(n_blocks), n_windows):
        rows = [np.arange(ends[block], ends[block + 1]) for block in blocks]
        windows.append(rng.permutation(np.concatenate(rows)) if rows else ends[:0])
    return torch.from_numpy(np.concatenate(windows))


class EpochSampler(Sampler[BatchIndices]):
    """Sampler of the batches of an epoch, in which every image occurs ``order.repeats`` times.

    All images come once before any comes again, in a new random order each round, and the
    rounds are cut into batches as one sequence, so that only the last batch may be smaller.

    Labelled images are spread evenly: each batch has an equal part of them, in addition to its
    ``batch_size`` unlabelled images.

    Parameters
    ----------
    n, n_labelled
        Numbers of unlabelled images and of labelled ones, which follow them in the data set.
    order
        Size and order of the batches.
    n_windows
        Parts of a round whose images are held together, see `windowed_shuffle`.
    """

    def __init__(
        self, n: int, order: BatchOrder, *, n_labelled: int = 0, n_windows: int = 1
    ) -> None:
        self.n = n
        self.order = order
        self.n_labelled = n_labelled
        self.n_windows = n_windows

    def __len__(self) -> int:
        n = max(self.n, self.n_labelled) * self.order.repeats
        n_batches, n_left = divmod(n, self.order.batch_size)
        # remaining images join the last batch if there is not one of them for each rank
        return max(n_batches + (n_left >= self.order.n_ranks), 1)

    def windows(self) -> Iterator[list[BatchIndices]]:
        """Yield the batches of each window that are still to be seen."""
        n_windows = self.n_windows * self.order.repeats
        numbered = enumerate(self, start=self.order.seen())
        for _, some in groupby(numbered, lambda pair: pair[0] * n_windows // len(self)):
            yield [rows for _, rows in some]

    def __iter__(self) -> Iterator[BatchIndices]:
        order = self.order
        rng = None
        if order.seed is not None:
            rng = np.random.default_rng((order.seed, order.epoch()))
        images, labelled = self._rounds(self.n, rng), self.n + self._rounds(self.n_labelled, rng)
        ends = [order.batch_size * number for number in range(1, len(self))]
        batches: Sequence[Tensor] = images.tensor_split(ends)
        if self.n_labelled:
            split = (part.tensor_split(len(self)) for part in (images, labelled))
            batches = [torch.cat(parts) for parts in zip(*split, strict=True)]
        for batch in batches[order.seen() :]:
            if order.n_ranks == 1:
                yield BatchIndices(batch, None)
            else:
                share = BatchShare(order.rank, order.n_ranks, len(batch))
                yield BatchIndices(batch[order.rank :: order.n_ranks], share)

    def _rounds(self, n: int, rng: np.random.Generator | None) -> Tensor:
        """Positions of n images, round after round (repeats · n,); in their order without rng."""
        if rng is None:
            return torch.arange(n).repeat(self.order.repeats)
        rounds = [windowed_shuffle(n, self.n_windows, rng) for _ in range(self.order.repeats)]
        return torch.cat(rounds)
