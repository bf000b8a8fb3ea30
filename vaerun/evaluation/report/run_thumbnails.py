"""Small pictures of a run for a page of many: its decoded manifold and its latent plane."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from vaerun.evaluation.curve_pictures import pictures
from vaerun.evaluation.figures.style import class_colours
from vaerun.evaluation.report.packing import data_uri
from vaerun.models.latent_traversal import widest_dimensions

# R rows, K columns of images C H W; N images with d content dimensions.

_MOST_TILES = 5  # along a side of the manifold
_MOST_POINTS = 4000
_LEAST_CONTRAST = 0.25  # of images from 0 to 1, that becomes black and white
_QUALITY = 55
_TAILS = 0.5  # percent beyond each end: of the plane, and of the pixels' brightness
_ONE_COLOUR = "#3a6fd0"
_UNKNOWN = "#9aa1aa"

Bytes = npt.NDArray[np.uint8]


def manifold_thumbnail(images: npt.NDArray[np.floating], side: int) -> str:
    """Data URI of some of the images (R, K, C, H, W) of a manifold, at most ``side`` pixels."""
    rows, columns = (_some(n) for n in images.shape[:2])
    some = pictures(images[rows][:, columns])
    if some.shape[2] != 3:
        some = some[:, :, :1]
    low, high = np.nanpercentile(some, [_TAILS, 100 - _TAILS])
    share = (some - low) / max(high - low, _LEAST_CONTRAST)  # faint images are seen, too
    bright = np.round(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)
    n_rows, n_columns, channels, height, width = bright.shape
    grid = bright.transpose(0, 3, 1, 4, 2).reshape(n_rows * height, n_columns * width, channels)
    picture = Image.fromarray(grid[..., 0] if channels == 1 else grid)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return _webp(picture.convert("RGB"))


def plane_thumbnail(arrays: Mapping[str, npt.NDArray[Any]], side: int) -> str:
    """Data URI of a square with a dot for each image, coloured by true or by inferred class.

    Parameters
    ----------
    arrays
        ``latent_z`` (N, d) and, where there are any, ``latent_label`` and ``latent_predicted``
        (N,), −1 unknown: those behind the figures of a run.
    side
        Of the square, in pixels.
    """
    z = arrays["latent_z"]
    step = -(-len(z) // _MOST_POINTS)
    z = z[::step]
    label = np.full(len(z), -1)
    for name in ("latent_predicted", "latent_label"):
        if name in arrays and bool((arrays[name] >= 0).any()):
            label = arrays[name][::step]
    chosen = widest_dimensions(z)
    across = z[:, chosen[0]]
    up = z[:, chosen[1]] if len(chosen) > 1 else np.zeros(len(z))
    column, row = (_places(values, side) for values in (across, -up))
    pixels: Bytes = np.zeros((side, side, 4), np.uint8)
    colours = _colours(label)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a dot of four pixels
        pixels[np.minimum(row + down, side - 1), np.minimum(column + right, side - 1)] = colours
    return _webp(Image.fromarray(pixels))


def _some(n: int) -> npt.NDArray[np.int64]:
    """Positions of at most `_MOST_TILES` of n, evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_TILES)).round().astype(np.int64))


def _places(values: npt.NDArray[np.floating], side: int) -> npt.NDArray[np.int64]:
    """Pixels (N,) of values, those of the tails at the edges."""
    low, high = np.percentile(values, [_TAILS, 100 - _TAILS])
    share = (values - low) / max(high - low, 1e-12)
    return np.asarray((np.clip(share, 0, 1) * (side - 2)).astype(np.int64))


def _colours(label: npt.NDArray[np.integer]) -> Bytes:
    """Red, green, blue and opacity (N, 4) of classes, −1 unknown."""
    n = int(label.max(initial=-1)) + 1
    names = [*(class_colours(n) if n else []), _UNKNOWN if n else _ONE_COLOUR]
    table = np.array([(*ImageColor.getrgb(name)[:3], 255) for name in names], np.uint8)
    return np.asarray(table[np.where(label >= 0, label, n)])


def _webp(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=2)
    return data_uri(buffer.getvalue(), "image/webp")
