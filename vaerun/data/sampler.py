"""The order in which an epoch shows its images, as batches of positions.

In memory it is any order. On disk a file is read in windows, and only what is held at a time can
be shuffled: see `windowed_shuffle`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from vaerun.utils.distributed import BatchShare

_BLOCKS = 128  # in a window, from as many places of the file


class BatchIndices(NamedTuple):
    """Positions (n,) of a batch in its source, or of one rank's share of it."""

    positions: Tensor
    share: BatchShare | None


def windowed_shuffle(n: int, n_windows: int, rng: np.random.Generator) -> Tensor:
    """Positions of n images (n,) in any order, or in one for which few are held at a time.

    Blocks of images that follow one another are shuffled and dealt out to windows, 128 to each,
    and the images of each window are shuffled among themselves. Of so few images that blocks are
    of one each, all orders are as likely.

    Parameters
    ----------
    n
        Images.
    n_windows
        Parts of an epoch whose images are held together; 1 for any order.
    rng
        The same makes the same order.
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
    n_windows
        Parts of an epoch whose images are held together, see `windowed_shuffle`.
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
        n_windows: int = 1,
    ) -> None:
        self.n = n
        self.n_labelled = n_labelled
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.seen = seen
        self.rank = rank
        self.n_ranks = n_ranks
        self.n_windows = n_windows

    def __len__(self) -> int:
        n_batches, n_left = divmod(max(self.n, self.n_labelled), self.batch_size)
        # what is left over goes to the last batch if there is not one image for each rank
        return max(n_batches + (n_left >= self.n_ranks), 1)

    def windows(self) -> Iterator[list[BatchIndices]]:
        """The batches of each window, as far as they are still to be seen."""
        numbered = enumerate(self, start=self.seen())
        for _, some in groupby(numbered, lambda pair: pair[0] * self.n_windows // len(self)):
            yield [rows for _, rows in some]

    def __iter__(self) -> Iterator[BatchIndices]:
        parts = [torch.arange(self.n), self.n + torch.arange(self.n_labelled)]
        if self.seed is not None:
            rng = np.random.default_rng((self.seed, self.epoch()))
            parts = [part[windowed_shuffle(len(part), self.n_windows, rng)] for part in parts]
        images, labelled = parts
        ends = [self.batch_size * number for number in range(1, len(self))]
        batches: Sequence[Tensor] = images.tensor_split(ends)
        if self.n_labelled:
            split = (part.tensor_split(len(self)) for part in (images, labelled))
            batches = [torch.cat(parts) for parts in zip(*split, strict=True)]
        for batch in batches[self.seen() :]:
            if self.n_ranks == 1:
                yield BatchIndices(batch, None)
            else:
                share = BatchShare(self.rank, self.n_ranks, len(batch))
                yield BatchIndices(batch[self.rank :: self.n_ranks], share)
