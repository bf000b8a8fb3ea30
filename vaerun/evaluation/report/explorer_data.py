"""The interactive section's content that only the network can make: pictures, decoded images."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.data.image_set import Images, Splits, as_tensor
from vaerun.evaluation.curve_pictures import HEIGHT, WIDTH, pictures
from vaerun.evaluation.metrics.circular import common_symmetry
from vaerun.evaluation.report.explorer import Explorer, Floats, Manifold, Pictures
from vaerun.evaluation.report.thumbnails import most_pictures
from vaerun.geometry import Pose, is_curve, pixel_size
from vaerun.models import inference
from vaerun.models.encodings import Encodings
from vaerun.models.inference import Array
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latent_traversal import Decode, data_range, widest_dimensions

# N images, d content dimensions, J classes.

FINEST, COARSEST = 32, 7  # images along each side of a grid; the page interpolates between them
MOST_TILES = 2400  # images of all classes together
MOST_CLASSES = 24
_AT_ONCE = 16  # large images read at once


def decode_manifold(decodes: Mapping[str, Decode], z: Floats) -> Manifold:
    """Images decoded over the range of the data in its two widest dimensions, the others at zero.

    Parameters
    ----------
    decodes
        Name of each class (or value of a condition), "" for a model without any, to a function
        from content (n, d) float32 to images (n, C, H, W) in canonical orientation.
    z
        (N, d) content of the data. The fewer images, the coarser the grid.
    """
    shown = dict(list(decodes.items())[:MOST_CLASSES])
    dimensions = widest_dimensions(z)
    low, high = data_range(z)
    most = min(MOST_TILES, len(z)) / len(shown)
    side = int(np.clip(np.sqrt(most), COARSEST, FINEST))
    counts = [side] * 2 if len(dimensions) > 1 else [FINEST, 1]
    column_axis = np.linspace(low[dimensions[0]], high[dimensions[0]], counts[0])
    row_axis = np.linspace(low[dimensions[-1]], high[dimensions[-1]], counts[1])
    content = np.zeros((counts[1], counts[0], z.shape[1]), np.float32)
    content[..., dimensions[-1]] = row_axis[:, None]
    content[..., dimensions[0]] = column_axis
    flat = content.reshape(-1, z.shape[1])
    images = np.stack([np.asarray(decode(flat), np.float32) for decode in shown.values()])
    return Manifold(
        names=list(shown),
        images=pictures(images.reshape(len(shown), *content.shape[:2], *images.shape[2:])),
        row_axis=row_axis,
        column_axis=column_axis,
        dimensions=dimensions,
    )


def build_explorer(
    network: InvariantVAE, splits: Splits, encodings: Encodings, names: Sequence[str]
) -> Explorer:
    """The content of the interactive section for a trained network and its data.

    The network is in evaluation mode; the encodings are those of `inference.encode_splits`; the
    names are of the classes that the model infers or is conditioned on.
    """

    def decoder(condition: Tensor | None) -> Decode:
        return lambda z: inference.decode_canonical(network, z, condition, shift)

    shift = inference.usual_shift(network, encodings)
    conditions: dict[str, Tensor | None] = dict(network.category.examples(names))
    decodes = {name: decoder(condition) for name, condition in (conditions or {"": None}).items()}
    return Explorer(
        encodings=encodings,
        classes=splits.classes,
        predicted_names=names if network.n_classes else [],
        symmetry=common_symmetry(splits.symmetry),
        pictures=_pictures(network, splits, encodings),
        manifold=decode_manifold(decodes, encodings.z_mean),
        frames=splits.frames,
        source=splits.source,
        axis=splits.axis,
    )


def _pictures(network: InvariantVAE, splits: Splits, encodings: Encodings) -> Pictures:
    """Random images, those for validation first, with their reconstructions."""
    random = np.random.default_rng(0)
    height, width = splits.image[1:]
    most = most_pictures(HEIGHT, WIDTH) if is_curve(height) else most_pictures(height, width)
    n_val = min(len(splits.val), most)
    n_train = min(len(splits.train), most - n_val)
    rows, images, reconstructions = [], [], []
    for part, n, first in ((splits.val, n_val, len(splits.train)), (splits.train, n_train, 0)):
        drawn = random.permutation(len(part))[:n]
        some = part.select(torch.from_numpy(drawn))
        rows.append(first + drawn)
        images.append(_shown(some.images).numpy())
        condition = network.category.condition(some.label, some.factors)
        reconstructions.append(_decoded(network, encodings.select(first + drawn), condition))
    return Pictures(
        rows=np.concatenate(rows),
        images=pictures(np.concatenate(images)),
        reconstructions=pictures(np.concatenate(reconstructions)),
    )


@torch.no_grad()
def _decoded(network: InvariantVAE, encodings: Encodings, condition: Tensor | None) -> Array:
    """Reconstructions (N, C, H, W) from N encodings, given a condition (N, n) or None."""
    device = next(network.parameters()).device
    if network.n_classes:
        condition = F.one_hot(torch.from_numpy(encodings.predicted), network.n_classes).float()
    values = (encodings.z_mean, encodings.angle, encodings.shift, encodings.scale)
    z, angle, shift, scale = (torch.from_numpy(v).to(device) for v in values)
    pose = Pose(angle, shift * pixel_size(*network.shape.image[1:]), scale)
    images = []
    for first in range(0, len(encodings), network.n_at_once):
        rows = slice(first, first + network.n_at_once)
        y = None if condition is None else condition[rows].to(device)
        expected = network.generate(z[rows], Pose(*(part[rows] for part in pose)), y)
        gain, offset = (v[rows, None, None, None] for v in (encodings.gain, encodings.offset))
        images.append(gain * inference.shown(expected.float()).cpu().numpy() + offset)
    if images:
        return np.concatenate(images)
    return inference.shown(torch.zeros(0, *network.shape.image)).numpy()


def _shown(images: Images) -> Tensor:
    """Images as `inference.shown`; large ones are read a few at a time."""
    if max(images.shape[2:]) <= inference.SHOWN_PX:
        return as_tensor(images)
    parts = [inference.shown(images[i : i + _AT_ONCE]) for i in range(0, len(images), _AT_ONCE)]
    return torch.cat([inference.shown(torch.zeros(0, *images.shape[1:])), *parts])
