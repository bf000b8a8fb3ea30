"""Inference with a trained network, in chunks: encodings, ELBO, reconstructions, decoded images.

`vaerun.runs.run` has `encode` and `decode` of a finished run.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.image_set import Images, ImageSet, Splits
from vaerun.geometry import Pose, is_curve, pixel_size
from vaerun.models.elbo import ElboMeans, validation_terms
from vaerun.models.encodings import NEITHER, TRAIN, VALIDATION, Encodings
from vaerun.models.invariant_vae import InvariantVAE, encode, restore
from vaerun.models.networks.resolution import averaged
from vaerun.utils.progress import bar

Array = npt.NDArray[np.float32]

SHOWN_PX = 256  # longest side of an image in figures and reports, which are small
_UNPOSED_AT_ONCE = 2000  # images drawn before they are encoded: some 20 MB at 50 × 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latents:
    """Encodings of N images, named as in `latents.h5`.

    Attributes
    ----------
    z_mean, z_sd
        (N, d).
    angle, angle_sd
        (N,) radians, angle in [−π, π).
    shift
        (N, 2) row and column, pixels.
    scale
        (N,).
    gain, offset
        (N,) by which the drawing is multiplied, and what is added, in the middle of the image; 1
        and 0 without `i`.
    class_probability
        (N, J), J = 0 without classes.
    target_mean, target_sd
        (N,) in the unit of the target; NaN but for `TargetReadout.applied`.
    error
        (N,) mean squared difference per pixel from the image decoded at these latents; high for
        images unlike the training images.
    """

    z_mean: Array
    z_sd: Array
    angle: Array
    angle_sd: Array
    shift: Array
    scale: Array
    gain: Array
    offset: Array
    class_probability: Array
    target_mean: Array
    target_sd: Array
    error: Array


@torch.no_grad()
def encode_images(
    network: InvariantVAE,
    images: Images,
    condition: Tensor | None = None,
    target: Images | None = None,
    measured: Images | None = None,
    *,
    progress: bool = False,
) -> Latents:
    """Latents of images (N, C, H, W) under their likeliest hypothesis, network in evaluation mode.

    Parameters
    ----------
    condition
        (N, n) condition of a conditional model.
    target
        (N, C, H, W) clean versions of corrupted images; None: the images themselves.
    measured
        (N, C, H, W), which pixels of these were measured; None: all.
    """
    pixel = pixel_size(*images.shape[-2:])
    n_chunks = -(-len(images) // network.n_at_once)
    parts = _chunks(network, images, condition, target, measured)
    arrays: dict[str, Array] = {}
    begin = 0
    for x, some_condition, clean, mask in bar(parts, "encoding", n_chunks, shown=progress):
        known = None if mask is None or bool(mask.all()) else mask
        encoded = encode(network, x, some_condition)
        wanted = x if clean is None else clean
        expected, found = restore(network, wanted, encoded, known)
        if wanted.shape == expected.shape:
            error = (expected - wanted).square()
            error = error.mean((1, 2, 3)) if known is None else _mean(error, known)
        else:  # of what is predicted, where the truth is not known
            error = torch.full((len(x),), torch.nan)
        latents = encoded.by_name(pixel) | found | {"error": error}
        some = {name: values.float().cpu().numpy() for name, values in latents.items()}
        # Arrays are allocated once: small ones of each chunk would keep the heap between the large
        # temporary ones from shrinking, a gigabyte for 100,000 images.
        arrays = arrays or {
            k: np.empty((len(images), *v.shape[1:]), v.dtype) for k, v in some.items()
        }
        for name, values in some.items():
            arrays[name][begin : begin + len(x)] = values
        begin += len(x)
    unknown = np.full(len(images), np.nan, np.float32)
    return Latents(**arrays, target_mean=unknown, target_sd=unknown)


def encode_splits(network: InvariantVAE, splits: Splits) -> Encodings:
    """Encodings of training, validation and labelled images, and of the rest of the frames."""
    kinds = (TRAIN, VALIDATION, TRAIN)
    parts = [
        encode_set(network, images, kind)
        for images, kind in zip(splits.parts, kinds, strict=False)
    ]
    if splits.rest is not None:
        parts.append(encode_set(network, splits.rest, NEITHER))
    return Encodings.concatenate(parts)


def encode_set(
    network: InvariantVAE, images: ImageSet, split: int, *, progress: bool = False
) -> Encodings:
    """Encodings of images with their labels and factors, all marked as of one split."""
    condition = network.category.condition(images.label, images.factors)
    latents = encode_images(
        network,
        images.images,
        condition,
        None if images.target is images.images else images.target,
        images.measured,
        progress=progress,
    )
    probability = latents.class_probability
    n = len(images)
    return Encodings(
        **{field.name: getattr(latents, field.name) for field in dataclasses.fields(Latents)},
        predicted=probability.argmax(1) if probability.shape[1] else np.full(n, -1),
        label=images.label.numpy(),
        index=images.index.numpy(),
        split=np.full(n, split, np.uint8),
        factors={name: values.numpy() for name, values in images.factors.items()},
        place=images.place,
    )


def encode_unposed(
    network: InvariantVAE, images: ImageSet, index: npt.NDArray[np.int64]
) -> Encodings | None:
    """Encodings of the objects at positions (n,) of a set, drawn at angle 0 and shift 0.

    They are marked as of the validation split; None where the data set cannot draw them so.
    """
    parts = []
    for some in torch.from_numpy(index).split(_UNPOSED_AT_ONCE):
        unposed = images.select_unposed(some)
        if unposed is None:
            return None
        parts.append(encode_set(network, unposed, VALIDATION))
    return Encodings.concatenate(parts)


@torch.no_grad()
def evaluate_elbo(network: InvariantVAE, images: ImageSet, *, seed: int) -> dict[str, float]:
    """Mean terms of −ELBO over images, nats per image, see `validation_terms`.

    With the seed of the training, those of validation images are the numbers that were logged
    after the epoch that the network is from, but for the rounding of mixed precision.
    """
    means = ElboMeans(sync_on_compute=False).to(next(network.parameters()).device)
    given = network.category.condition(images.label, images.factors)
    chunks = _chunks(network, images.images, images.target, given, images.measured)
    for i, chunk in enumerate(chunks):
        means.update(validation_terms(network, *chunk, seed=seed, number=i))
    return {name: float(value) for name, value in means.compute().items()}


@torch.no_grad()
def reconstruct(network: InvariantVAE, images: ImageSet) -> Array:
    """Expected images (N, C, H, W) at the posterior means."""
    out = []
    given = network.category.condition(images.label, images.factors)
    chunks = _chunks(network, images.images, images.target, given, images.measured)
    for x, target, condition, measured in chunks:
        expected, _ = restore(network, target, encode(network, x, condition), measured)
        out.append(expected.cpu().numpy())
    return np.concatenate(out)


@torch.no_grad()
def decode_canonical(
    network: InvariantVAE,
    z: Array,
    class_code: Tensor | None = None,
    shift_px: Array | None = None,
) -> Array:
    """Expected images at pose zero, of content (N, d) and one class code (n,), as `shown`.

    Curves may be drawn at a shift (2,), see `usual_shift`.
    Where gain and offset are nuisances, the contrast of a drawing says nothing: all have the usual
    one, and the usual brightness.
    """
    device = next(network.parameters()).device
    content = torch.as_tensor(z, dtype=torch.float32, device=device)
    is_large = max(network.shape.image[1:]) > SHOWN_PX
    parts = []
    for some in content.split(network.n_at_once if is_large else max(len(content), 1)):
        n = len(some)
        code = None if class_code is None else class_code.to(device).expand(n, -1)
        pose = Pose.identity(n, device)
        if shift_px is not None:
            shift = torch.as_tensor(shift_px, device=device) * pixel_size(*network.shape.image[1:])
            pose = pose._replace(shift=shift.expand(n, 2))
        images = network.generate(some, pose, code)
        if network.brightness is not None:
            images = network.brightness.usual(images)
        parts.append(shown(images.float()).cpu())
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).numpy()


def usual_shift(network: InvariantVAE, encodings: Encodings) -> Array | None:
    """Median shift (2,) of curves, pixels; None for images.

    What a drawing has beyond the ends of all curves was never learned. At their usual shift it is
    not seen.
    """
    if not is_curve(network.shape.image[1]):
        return None
    return np.median(encodings.shift, axis=0).astype(np.float32)


def shown(images: Tensor) -> Tensor:
    """Images (n, C, H, W) as figures show them: averaged to at most `SHOWN_PX` a side."""
    return averaged(images, SHOWN_PX)


def _mean(values: Tensor, measured: Tensor) -> Tensor:
    """Mean (n,) of the values (n, C, H, W) of pixels that were measured; 0 where none was."""
    known = torch.where(measured, values, 0.0).sum((1, 2, 3))
    return known / measured.sum((1, 2, 3)).clamp_min(1)


def _chunks(network: InvariantVAE, *tensors: Images | None) -> Iterator[tuple[Any, ...]]:
    """Chunks of N rows of tensors or patches, on the network's device; None stays None."""
    device = next(network.parameters()).device
    n = next(len(t) for t in tensors if t is not None)
    for first in range(0, n, network.n_at_once):
        rows = slice(first, first + network.n_at_once)
        yield tuple(None if t is None else t[rows].to(device) for t in tensors)
