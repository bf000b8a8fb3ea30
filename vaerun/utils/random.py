"""Random numbers of a training step, as a function of (seed, stream, step).

Of several ranks, each draws the numbers of the full batch and uses those of its share, so that
training on several devices gives the result of one. `seed` is called first; then the other
functions draw for the images along the first axis.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vaerun.utils.distributed import BatchShare

_share: BatchShare | None = None  # None: the full batch
_state = 0


def seed(seed: int, stream: int, number: int, share: BatchShare | None = None) -> None:
    """Make all later draws a function of seed, stream and number.

    Parameters
    ----------
    seed, stream, number
        Any three; a stream is a purpose, such as training, and the number that of a step.
    share
        The images of the batch that this rank draws for; None: all.
    """
    global _share, _state
    _share = share
    _state = int(np.random.SeedSequence((seed, stream, number)).generate_state(1)[0])
    # not torch.manual_seed, which looks for every kind of device: two milliseconds a step
    torch.default_generator.manual_seed(_state)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(_state)


def choice(n: int) -> int:
    """One of 0 … n − 1, the same for all images and ranks of a step."""
    return _state % n


def normal(like: Tensor) -> Tensor:
    """Standard normal numbers of the size (B, …) of a tensor."""
    return _drawn(like.shape, lambda size: like.new_empty(size).normal_())


def exponential(like: Tensor) -> Tensor:
    """Exponential numbers of mean 1, of the size (B, …) of a tensor."""
    return _drawn(like.shape, lambda size: like.new_empty(size).exponential_())


def uniform(size: Sequence[int], device: torch.device) -> Tensor:
    """Uniform numbers in [0, 1), of a size (B, …)."""
    return _drawn(size, lambda full: torch.rand(*full, device=device))


def integers(low: int, high: int, size: Sequence[int], device: torch.device) -> Tensor:
    """Integers from low to high − 1, of a size (B, …)."""
    return _drawn(size, lambda full: torch.randint(low, high, tuple(full), device=device))


def _drawn(size: Sequence[int], draw: Callable[[Sequence[int]], Tensor]) -> Tensor:
    """Numbers drawn for all images of the batch; those of this rank's share."""
    share = _share
    if share is None:
        return draw(size)
    if size[0] == len(share):
        return draw((share.n_in_all, *size[1:]))[share.rank :: share.n_ranks]
    # for a part of the images, such as the labelled ones: each rank has numbers of its own
    return draw((share.n_ranks, *size))[share.rank]
