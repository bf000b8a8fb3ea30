"""Decoded pictures of the latent space: grids over two dimensions, walks along one."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]
Arrays = dict[str, npt.NDArray[np.generic]]
Decode = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.generic]]

# d content dimensions, R rows and K columns of a grid, S steps of a walk, J classes, C H W image.

PRIOR_RANGE = 1.5  # the paper's
TILES = 13  # along each side of a grid; odd, so that z = 0 is a tile
STRIP_TILES = 25  # of a one-dimensional map
STEPS = 13  # of a walk
MOST_WALKS = 8  # one for each of the widest dimensions
TAILS = 0.005  # of the data's own range left out at each end


def widest_dimensions(z: Floats, n: int = 2) -> list[int]:
    """The n content dimensions that vary most, lower first; all of them if there are fewer.

    Parameters
    ----------
    z
        (N, d).
    """
    order = np.argsort(-z.var(0), kind="stable")
    return sorted(int(i) for i in order[:n])


def data_range(z: Floats) -> tuple[Floats, Floats]:
    """Where nearly all of the data lie: low and high end, (d,) each."""
    low, high = np.quantile(z, [TAILS, 1 - TAILS], axis=0)
    return low, np.maximum(high, low + 1e-3)


def latent_maps(decode: Decode, encodings: Encodings) -> Arrays:
    """The arrays of `manifold`, `manifold_data` and `traversal_z<i>` (see `figures`).

    Parameters
    ----------
    decode
        Content (N, d) float32 to images (N, C, H, W), upright and centred.
    encodings
        Tell which dimensions matter and how far the data reach.

    Returns
    -------
    dict
        ``manifold`` (R, K, C, H, W) over [−1.5, 1.5]², other dimensions 0; ``manifold_data`` over
        the data's own range, others at their median; ``…_row_axis`` (R,) falling and
        ``…_column_axis`` (K,) rising, so that the first dimension runs to the right and the
        second upwards; ``…_dimensions`` which ones these are; ``traversal_z<i>`` (S, C, H, W)
        along dimension i, counted from 1, others 0, with its ``…_axis`` (S,).
    """
    z = encodings.z_mean
    low, high = data_range(z)
    edge = np.full_like(low, PRIOR_RANGE)
    arrays = _grid("manifold", decode, z, (-edge, edge), np.zeros_like(low))
    arrays |= _grid("manifold_data", decode, z, (low, high), np.median(z, axis=0))
    for i in widest_dimensions(z, MOST_WALKS):
        arrays |= _walk(i, [decode], low, high, by_class=False)
    return arrays


def class_maps(decodes: Sequence[Decode], encodings: Encodings) -> Arrays:
    """The same where an image also depends on a class: one decoder call for each of J classes.

    Returns
    -------
    dict
        ``manifold_class_<j>`` over [−1.5, 1.5]², and ``traversal_z<i>`` (J, S, C, H, W).
    """
    z = encodings.z_mean
    low, high = data_range(z)
    edge = np.full_like(low, PRIOR_RANGE)
    arrays: Arrays = {}
    for j, decode in enumerate(decodes):
        arrays |= _grid(f"manifold_class_{j}", decode, z, (-edge, edge), np.zeros_like(low))
    for i in widest_dimensions(z, MOST_WALKS):
        arrays |= _walk(i, decodes, low, high, by_class=True)
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


def _walk(
    i: int, decodes: Sequence[Decode], low: Floats, high: Floats, *, by_class: bool
) -> Arrays:
    """A walk along dimension i over the data's range, the others at 0."""
    axis = np.linspace(low[i], high[i], STEPS).astype(np.float32)
    points = np.zeros((STEPS, len(low)), np.float32)
    points[:, i] = axis
    images = np.stack([decode(points) for decode in decodes])  # (J, S, C, H, W)
    name = f"traversal_z{i + 1}"
    return {name: images if by_class else images[0], f"{name}_axis": axis}
