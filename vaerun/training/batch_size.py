"""`data.batch_size=auto`: as many images in a step as fit, and as learning can do with.

The largest power of two

- up to 1024 a device: beyond it the cost of an image hardly falls,
- that leaves 100 steps an epoch: fewer, larger steps learn less from the same images,
- with which a training step fits: on a CPU if what it keeps for its gradients is at most half a
  GB, as a step of a few images tells; on a GPU if the step itself, tried, takes at most 80 % of
  its memory;

but at least 32 a device, if those fit. It is settled once, before training, and kept in the run's
config, so that a run that goes on has the number that it began with.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vaerun.data.image_set import ImageSet, Splits
from vaerun.models.elbo import negative_elbo
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs.config import RunConfig, validate
from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.manifest import RunRequest
from vaerun.training.hardware import Hardware
from vaerun.utils import random
from vaerun.utils.errors import UserError

AUTO = "auto"
KEY = "data.batch_size"

_LEAST, _MOST = 32, 1024  # of a device
_STEPS = 100  # an epoch, at least
_KEPT = 2**29  # bytes for gradients, on a CPU; the step takes up to twice that
_OF_MEMORY = 0.8  # share of a GPU's
_TRIED = 8  # images whose step tells what one takes
_STREAM = 4  # of noise


def resolve_batch_size(
    config: RunConfig,
    job: RunRequest,
    splits: Splits,
    network: InvariantVAE,
    hardware: Hardware,
    resumed: RunFolder | None = None,
) -> tuple[RunConfig, RunRequest]:
    """Config and job with a number for ``data.batch_size=auto``.

    Parameters
    ----------
    config, job
        Of the run.
    splits, network, hardware
        What is trained on what; the network is untrained, and stays as it is.
    resumed
        The run to go on with, if any: its number holds.

    Raises
    ------
    UserError
        If not even one image a device fits.
    """
    if config.data.batch_size != AUTO:
        return config, job
    if resumed is not None:
        number = read_config(resumed)["data"]["batch_size"]
    else:
        n_labelled = 0 if splits.labelled is None else len(splits.labelled)
        share = 1 + n_labelled / len(splits.train)  # of a step's images over `data.batch_size`
        some = splits.train.first(_TRIED)
        fits = _fitting(network, some, hardware)
        number = batch_size(len(splits.train), hardware.n_ranks, lambda n: fits(round(share * n)))
    plain = job.plain | {"data": job.plain["data"] | {"batch_size": number}}
    return validate(plain), replace(job, plain=plain, resolved_keys=(KEY,))


def batch_size(n_images: int, n_ranks: int, fits: Callable[[int], bool]) -> int:
    """Images in a step, of all devices together.

    Parameters
    ----------
    n_images
        To learn from.
    n_ranks
        Devices.
    fits
        Whether a device can do with so many.
    """
    size = _MOST
    while size > _LEAST and size * n_ranks * _STEPS > n_images:
        size //= 2
    while size > 1 and not fits(size):
        size //= 2
    if not fits(size):
        what = f"{KEY}={AUTO} finds no room for a training step, not even of one image"
        raise UserError(what, "choose a smaller network, such as by model.hidden=[128,128]")
    return max(size, 2) * n_ranks if n_ranks > 1 else size


def _fitting(network: InvariantVAE, some: ImageSet, hardware: Hardware) -> Callable[[int], bool]:
    """Tells whether a training step with so many images fits."""
    device = hardware.torch_device
    n = min(len(some), _TRIED)
    images = some.images[:n].to(device)
    told = network.category.condition(some.label[:n], some.factors)
    condition = None if told is None else told.to(device)
    mixed = hardware.precision != "32-true"
    if hardware.accelerator == "gpu":
        network.to(device)

        def fits(n: int) -> bool:
            index = torch.arange(n, device=device) % len(images)
            x, of_x = images[index], None if condition is None else condition[index]
            return _fits_gpu(lambda: _step(network, x, of_x, mixed=mixed))

        return fits
    few = n // 2
    kept = [kept_bytes(network, images[:m], None if condition is None else condition[:m],
                       mixed=mixed) for m in (few, n)]  # fmt: skip
    per_image = (kept[1] - kept[0]) / (n - few)
    return lambda n: n * per_image <= _KEPT


def kept_bytes(
    network: InvariantVAE, images: Tensor, condition: Tensor | None = None, *, mixed: bool = False
) -> int:
    """Bytes that a training step of images (n, C, H, W) keeps for its gradients.

    Weights do not count, but copies of them in another precision do.

    Parameters
    ----------
    network
        The model.
    images
        Any.
    condition
        (n, m) what it is told of them, if anything.
    mixed
        Whether it computes in bfloat16 where that suffices.
    """
    weights = {p.untyped_storage().data_ptr() for p in [*network.parameters(), *network.buffers()]}
    kept: dict[int, int] = {}

    def note(saved: Tensor) -> Tensor:
        storage = saved.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        _step(network, images.clone(), condition, mixed=mixed)  # not all that it is a part of
    return sum(kept.values())


def _step(network: InvariantVAE, x: Tensor, condition: Tensor | None, *, mixed: bool) -> None:
    """A training step, but for the weights, which stay."""
    random.seed(0, _STREAM, 0)
    network.train()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=mixed):
        posterior = network.infer(x, condition)
        n_decode = network.search.n_decode
        terms = negative_elbo(network, x, posterior, n_decode=n_decode, explore=True)
    terms.loss.mean().backward()
    network.zero_grad(set_to_none=True)


def _fits_gpu(step: Callable[[], Any]) -> bool:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        step()
    except torch.cuda.OutOfMemoryError:
        return False
    _, total = torch.cuda.mem_get_info()
    return torch.cuda.max_memory_reserved() <= _OF_MEMORY * total
