"""Images per training step, where `data.batch_size` is a word.

``usual`` is 100, or as many large images as have the pixels of 100 of 256², so that no step takes
more memory than theirs, a gigabyte or two.

``auto`` is the largest power of two that training benefits from: at most 1024 per device, beyond
which the cost of an image hardly falls, and few enough for 100 steps an epoch, since fewer, larger
steps learn less, but at least 32. On a GPU it is halved until a trial step takes at most 80 % of
its memory.
"""

from collections.abc import Callable

import torch

from vaerun.data.image_set import ImageSet, Splits
from vaerun.models.elbo import negative_elbo
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs.config import RunConfig
from vaerun.training.hardware import Hardware
from vaerun.training.new_module import new_network
from vaerun.utils import random
from vaerun.utils.errors import UserError

_LEAST, _MOST = 32, 1024  # per device
_STEPS = 100  # an epoch, at least
_SHARE_OF_MEMORY = 0.8
USUAL_SIZE, _FEWEST = 100, 4
_CHANNELS = 4  # colours are no reason for a smaller batch
_MOST_NUMBERS = USUAL_SIZE * _CHANNELS * 256**2  # of the images of a usual step
_STREAM = 4  # of random numbers


def fitting_batch_size(config: RunConfig, splits: Splits, hardware: Hardware) -> int:
    """Images per step on all devices, for ``data.batch_size=auto``.

    Raises a `UserError` if not even a training step of a single image fits in GPU memory.
    """
    network = new_network(config, splits, config.seed)
    n_labelled = 0 if splits.labelled is None else len(splits.labelled)
    share = 1 + n_labelled / len(splits.train)  # images of a step over `data.batch_size`
    return batch_size(
        len(splits.train),
        hardware.n_ranks,
        lambda n: (
            hardware.accelerator == "cpu"
            or _fits_gpu(network, splits.train, round(share * n), hardware)
        ),
    )


def usual_batch_size(image: tuple[int, int, int], n_ranks: int) -> int:
    """Images (C, H, W) per step on all devices, for ``data.batch_size=usual``."""
    channels, height, width = image
    fitting = _MOST_NUMBERS // (max(channels, _CHANNELS) * height * width)
    return max(min(fitting, USUAL_SIZE), _FEWEST, 2 * n_ranks)


def batch_size(n_images: int, n_ranks: int, fits: Callable[[int], bool]) -> int:
    """Images per step on all devices; ``fits`` returns whether one device can take that many."""
    size = _MOST
    while size > _LEAST and size * n_ranks * _STEPS > n_images:
        size //= 2
    while not fits(size):
        if size == 1:
            what = "data.batch_size=auto finds no room for a training step, not even of one image"
            raise UserError(what, "choose a smaller network, such as by model.hidden=[128,128]")
        size //= 2
    return max(size, 2) * n_ranks if n_ranks > 1 else size


def _fits_gpu(network: InvariantVAE, images: ImageSet, n: int, hardware: Hardware) -> bool:
    """Whether forward and backward pass of n images fit in GPU memory."""
    device = hardware.torch_device
    some = images.first(1)
    given = network.category.condition(some.label, some.factors)
    x = some.images[:].to(device).repeat(n, 1, 1, 1)
    condition = None if given is None else given.to(device).repeat(n, 1)
    network.to(device).train()
    random.seed(0, _STREAM, 0)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        with torch.autocast("cuda", torch.bfloat16, enabled=hardware.precision != "32-true"):
            posterior = network.infer(x, condition)
            n_decode = network.search.n_decode
            terms = negative_elbo(network, x, posterior, n_decode=n_decode, explore=True)
        terms.loss.mean().backward()
    except torch.cuda.OutOfMemoryError:
        return False
    finally:
        network.zero_grad(set_to_none=True)
    return torch.cuda.max_memory_reserved() <= _SHARE_OF_MEMORY * torch.cuda.mem_get_info()[1]
