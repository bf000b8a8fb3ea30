"""Decoded latent space: grids (manifolds) over two dimensions, traversals along one."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]
Arrays = dict[str, npt.NDArray[np.generic]]
Decode = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.generic]]

# d content dimensions, R rows and K columns of a grid, S steps of a traversal, J classes, C H W
# image.

PRIOR_RANGE = 1.5  # as in the review's figures
TILES = 13  # per side of a grid; odd, so that z = 0 is a tile
STRIP_TILES = 25  # of a one-dimensional map
STEPS = 13  # of a traversal
MOST_TRAVERSALS = 8  # of the widest dimensions
TAILS = 0.005  # share of the data left out at each end


def widest_dimensions(z: Floats, n: int = 2) -> list[int]:
    """The n content dimensions with the largest variance, in ascending order, or all if fewer.

    Parameters
    ----------
    z
        (N, d).
    """
    order = np.argsort(-z.var(0), kind="stable")
    return sorted(int(i) for i in order[:n])


def data_range(z: Floats) -> tuple[Floats, Floats]:
    """Low and high end of 99 % of the data, (d,) each."""
    low, high = np.quantile(z, [TAILS, 1 - TAILS], axis=0)
    return low, np.maximum(high, low + 1e-3)


def latent_maps(decode: Decode, encodings: Encodings) -> Arrays:
    """Arrays of the figures `manifold`, `manifold_data` and `traversal_z<i>`.

    Parameters
    ----------
    decode
        Content (N, d) float32 → images (N, C, H, W) at pose zero.
    encodings
        Their content gives the widest dimensions and the range of the data.

    Returns
    -------
    dict
        ``manifold`` (R, K, C, H, W) over [−1.5, 1.5]², other dimensions 0; ``manifold_data`` over
        the range of the data, others at their median; ``…_column_axis`` (K,), rising, of the
        first dimension and ``…_row_axis`` (R,), falling, of the second; ``…_dimensions`` their
        numbers; ``traversal_z<i>`` (S, C, H, W) along dimension i, counted from 1, others 0, with
        its ``…_axis`` (S,).
    """
    z, (low, high) = encodings.z_mean, data_range(encodings.z_mean)
    zero = np.zeros_like(low)
    arrays = _grid("manifold", decode, z, (zero - PRIOR_RANGE, zero + PRIOR_RANGE), zero)
    arrays |= _grid("manifold_data", decode, z, (low, high), np.median(z, axis=0))
    for i in widest_dimensions(z, MOST_TRAVERSALS):
        arrays |= _traversal(i, [decode], low, high, by_class=False)
    return arrays


def class_maps(decodes: Sequence[Decode], encodings: Encodings) -> Arrays:
    """Arrays of the figures `manifold_class_<j>` and `traversal_z<i>`, a decoder for each class.

    Returns
    -------
    dict
        ``manifold_class_<j>`` over [−1.5, 1.5]², and ``traversal_z<i>`` (J, S, C, H, W).
    """
    z, (low, high) = encodings.z_mean, data_range(encodings.z_mean)
    zero = np.zeros_like(low)
    arrays: Arrays = {}
    for j, decode in enumerate(decodes):
        limits = (zero - PRIOR_RANGE, zero + PRIOR_RANGE)
        arrays |= _grid(f"manifold_class_{j}", decode, z, limits, zero)
    for i in widest_dimensions(z, MOST_TRAVERSALS):
        arrays |= _traversal(i, decodes, low, high, by_class=True)
    return arrays


def _grid(
    name: str, decode: Decode, z: Floats, limits: tuple[Floats, Floats], rest: Floats
) -> Arrays:
    """A grid over the two widest dimensions, the others at ``rest`` (d,)."""
    across, *up = widest_dimensions(z)
    low, high = limits
    columns = np.linspace(low[across], high[across], TILES if up else STRIP_TILES)
    rows = np.linspace(high[up[0]], low[up[0]], TILES) if up else np.zeros(1)
    points = np.tile(rest.astype(np.float32), (len(rows), len(columns), 1))  # (R, K, d)
    if up:
        points[..., up[0]] = rows[:, None]
    points[..., across] = columns
    images = decode(points.reshape(-1, points.shape[-1]))
    return {
        name: images.reshape(len(rows), len(columns), *images.shape[1:]),
        f"{name}_row_axis": rows.astype(np.float32),
        f"{name}_column_axis": columns.astype(np.float32),
        f"{name}_dimensions": np.array([across, *up]),
    }


def _traversal(
    i: int, decodes: Sequence[Decode], low: Floats, high: Floats, *, by_class: bool
) -> Arrays:
    """Traversal of dimension i over the range of the data, the others at 0."""
    axis = np.linspace(low[i], high[i], STEPS).astype(np.float32)
    points = np.zeros((STEPS, len(low)), np.float32)
    points[:, i] = axis
    images = np.stack([decode(points) for decode in decodes])  # (J, S, C, H, W)
    name = f"traversal_z{i + 1}"
    return {name: images if by_class else images[0], f"{name}_axis": axis}
