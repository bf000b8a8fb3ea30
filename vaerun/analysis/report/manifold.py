"""The grid of decoded images that follows the pointer in a report."""

from collections.abc import Mapping

import numpy as np

from vaerun.analysis.report.explorer import Floats, Manifold
from vaerun.models.latent_traversal import Decode, data_range, widest_dimensions

# N images, d content dimensions, J classes.

FINEST, COARSEST = 32, 7  # knots along each side of a grid; the page blends between them
MOST_TILES = 2400  # of all classes together
MOST_CLASSES = 24


def decode_manifold(decodes: Mapping[str, Decode], z: Floats) -> Manifold:
    """Images decoded over the range of the data in its two widest dimensions, the others at zero.

    Parameters
    ----------
    decodes
        For each class (or step of a condition) its name, and a function from content (n, d)
        float32 to images (n, C, H, W), upright and centred; one without a name if there is none.
    z
        (N, d) content of the data. Of few images the grid is coarse.
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
        images=images.reshape(len(shown), *content.shape[:2], *images.shape[2:]),
        row_axis=row_axis,
        column_axis=column_axis,
        dimensions=dimensions,
    )
