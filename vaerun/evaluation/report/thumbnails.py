"""Sheets of small images: many side by side in one WebP file."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaerun.evaluation.report.explorer import Floats, Manifold, Pictures
from vaerun.evaluation.report.packing import data_uri

Bytes = npt.NDArray[np.uint8]

# n tiles of h × w pixels.

LONGEST_SIDE = 64  # pixels of a tile
QUALITY = 70  # of lossy WebP
MOST_PIXELS = 8_000_000  # of a sheet: a second to encode
_TRIAL = 160  # tiles from which the bytes of one are estimated
_IN_BASE64 = 3 / 4


def picture_sheets(pictures: Pictures, budget: int) -> tuple[int, Mapping[str, Any]]:
    """Images and reconstructions, as many as fit into ``budget`` bytes of text.

    Returns
    -------
    int
        Number of pictures that fit, the first ones.
    dict
        The sheets ``images`` and ``reconstructions``.
    """
    room = budget * _IN_BASE64
    kinds = {"images": pictures.images, "reconstructions": pictures.reconstructions}
    trial = sum(len(_webp(tiles(some[:_TRIAL]))[0]) for some in kinds.values())
    first = next(iter(kinds.values()))
    each = trial / min(_TRIAL, len(first))
    n = max(min(len(first), int(room / each)), 1)
    cut = {name: tiles(some[:n]) for name, some in kinds.items()}
    return n, {name: sheet(some) for name, some in cut.items()}


def manifold_sheet(manifold: Manifold) -> Mapping[str, Any]:
    """Sheet of all images of a manifold, class by class, row by row."""
    n_classes, rows, columns = manifold.images.shape[:3]
    flat = manifold.images.reshape(n_classes * rows * columns, *manifold.images.shape[3:])
    return sheet(tiles(flat))


def tiles(images: Floats) -> Bytes:
    """Images (n, C, H, W) in [0, 1] as (n, h, w, 3 or 1), sides at most `LONGEST_SIDE`."""
    colours = images if images.shape[1] == 3 else images[:, :1]
    bright = np.round(255 * np.clip(np.nan_to_num(colours), 0, 1)).astype(np.uint8)
    bright = np.moveaxis(bright, 1, -1)
    shrink = LONGEST_SIDE / max(bright.shape[1:3])
    if shrink >= 1:
        return bright
    size = tuple(max(round(side * shrink), 1) for side in bright.shape[2:0:-1])
    shrunk = [Image.fromarray(one.squeeze()).resize(size, Image.Resampling.BOX) for one in bright]
    return np.stack([np.asarray(one) for one in shrunk]).reshape(len(bright), size[1], size[0], -1)


def sheet(some: Bytes) -> Mapping[str, Any]:
    """Tiles in one WebP: data URI, number of columns and of tiles, size of a tile."""
    raw, columns = _webp(some)
    height, width = some.shape[1:3]
    return {"url": data_uri(raw, "image/webp"), "columns": columns, "n": len(some),
            "width": width, "height": height}  # fmt: skip


def _webp(some: Bytes) -> tuple[bytes, int]:
    """Tiles in a nearly square picture, and the number of its columns."""
    n, height, width, channels = some.shape
    columns = max(round(np.sqrt(n * height / width)), 1)
    blank = np.zeros((-n % columns, *some.shape[1:]), np.uint8)
    grid = np.concatenate([some, blank]).reshape(-1, columns, height, width, channels)
    pixels = grid.transpose(0, 2, 1, 3, 4).reshape(-1, columns * width, channels)
    return webp(pixels, QUALITY), columns


def webp(pixels: Bytes, quality: int) -> bytes:
    """A picture (H, W, 3 or 1) as lossy WebP."""
    buffer = io.BytesIO()
    grey = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(grey).convert("RGB").save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()


def most_pictures(height: int, width: int) -> int:
    """Number of images of a size that a sheet holds."""
    shrink = min(LONGEST_SIDE / max(height, width), 1)
    return int(MOST_PIXELS / (height * width * shrink**2))
