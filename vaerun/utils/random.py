"""Random numbers of a training step: a function of (seed, stream, step), whoever draws them.

Where several ranks train together, each draws the numbers of the whole batch and keeps those of
its share. So they draw together what one process would have drawn, and come to what it comes to.

`seed` says what follows; the others draw for the images along the first axis.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vaerun.utils.distributed import BatchShare

_share: BatchShare | None = None  # None: the whole batch
_state = 0


def seed(seed: int, stream: int, number: int, share: BatchShare | None = None) -> None:
    """Make what is drawn from here on a function of seed, stream and number.

    Parameters
    ----------
    seed, stream, number
        Any three; a stream is what they are drawn for, such as training.
    share
        What of a batch is drawn for, if not all of it.
    """
    global _share, _state
    _share = share
    _state = int(np.random.SeedSequence((seed, stream, number)).generate_state(1)[0])
    # torch.manual_seed looks for every kind of device there is: two milliseconds a step
    torch.default_generator.manual_seed(_state)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(_state)


def choice(n: int) -> int:
    """One of 0 … n − 1, the same for all images of a step, wherever they are."""
    return _state % n


def normal(like: Tensor) -> Tensor:
    """Standard normal, of the size (B, …) of a tensor."""
    return _drawn(like.shape, lambda size: like.new_empty(size).normal_())


def exponential(like: Tensor) -> Tensor:
    """Exponential of mean 1, of the size (B, …) of a tensor."""
    return _drawn(like.shape, lambda size: like.new_empty(size).exponential_())


def uniform(size: Sequence[int], device: torch.device) -> Tensor:
    """In [0, 1), of a size (B, …)."""
    return _drawn(size, lambda whole: torch.rand(*whole, device=device))


def integers(low: int, high: int, size: Sequence[int], device: torch.device) -> Tensor:
    """From low to high − 1, of a size (B, …)."""
    return _drawn(size, lambda whole: torch.randint(low, high, tuple(whole), device=device))


def _drawn(size: Sequence[int], draw: Callable[[Sequence[int]], Tensor]) -> Tensor:
    """Numbers for all images of the batch, of which this rank's are kept."""
    share = _share
    if share is None:
        return draw(size)
    if size[0] == len(share):
        return draw((share.n_in_all, *size[1:]))[share.rank :: share.n_ranks]
    # for some of the images, such as those with a label: each rank has numbers of its own
    return draw((share.n_ranks, *size))[share.rank]
