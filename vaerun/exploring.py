"""What the reader of a report looks around in, as far as it takes the network to make."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.analysis.circular import common_symmetry
from vaerun.analysis.report import Explorer, Pictures, decode_manifold, most_pictures
from vaerun.data.image_set import Splits, cropped
from vaerun.geometry import Pose, pixel_size
from vaerun.models import inference
from vaerun.models.encodings import Encodings
from vaerun.models.inference import Array
from vaerun.models.invariant_vae import Network


def explorer(
    network: Network, splits: Splits, encodings: Encodings, names: Sequence[str]
) -> Explorer:
    """A run to look around in.

    Parameters
    ----------
    network
        In evaluation mode.
    splits, encodings
        The images, and what the network makes of them: `inference.encode_splits`.
    names
        What the classes are called that the model is told or infers.
    """
    examples = network.category.examples(names)
    decodes = {name: partial(inference.upright, network, told=told) for name, told in examples}
    return Explorer(
        encodings=encodings,
        classes=splits.classes,
        predicted_names=names if network.n_classes else [],
        symmetry=common_symmetry(splits.symmetry),
        pictures=_pictures(network, splits, encodings),
        manifold=decode_manifold(
            decodes or {"": partial(inference.upright, network)}, encodings.z_mean
        ),
        frames=splits.frames,
    )


def _pictures(network: Network, splits: Splits, encodings: Encodings) -> Pictures:
    """Images drawn at random, those of validation first, and what the network makes of them."""
    random = np.random.default_rng(0)
    most = most_pictures(*splits.image[1:])
    n_val = min(len(splits.val), most)
    n_train = min(len(splits.train), most - n_val)
    rows, images, reconstructions = [], [], []
    for part, n, first in ((splits.val, n_val, len(splits.train)), (splits.train, n_train, 0)):
        drawn = random.permutation(len(part))[:n]
        some = part.select(torch.from_numpy(drawn))
        rows.append(first + drawn)
        images.append(cropped(some.images).numpy())
        known = encodings.select(first + drawn)
        told = network.category.condition(some.label, some.factors)
        reconstructions.append(_decoded(network, known, told))
    return Pictures(
        rows=np.concatenate(rows),
        images=np.concatenate(images),
        reconstructions=np.concatenate(reconstructions),
    )


@torch.no_grad()
def _decoded(network: Network, encodings: Encodings, told: Tensor | None) -> Array:
    """Expected images (N, C, H, W) of encodings: as `inference.reconstruct`, without the encoder.

    Parameters
    ----------
    network
        In evaluation mode.
    encodings
        N of them.
    told
        (N, n) what a conditional model is told.
    """
    device = next(network.parameters()).device
    if network.n_classes:
        told = F.one_hot(torch.from_numpy(encodings.predicted), network.n_classes).float()
    values = (encodings.z_mean, encodings.angle, encodings.shift, encodings.scale)
    z, angle, shift, scale = (torch.from_numpy(v).to(device) for v in values)
    pose = Pose(angle, shift * pixel_size(*network.shape.image[1:]), scale)
    images = []
    for first in range(0, len(encodings), network.n_at_once):
        rows = slice(first, first + network.n_at_once)
        y = None if told is None else told[rows].to(device)
        expected = network.generate(z[rows], Pose(*(part[rows] for part in pose)), y)
        images.append(expected.float().cpu().numpy())
    return np.concatenate(images) if images else np.zeros((0, *network.shape.image), np.float32)
