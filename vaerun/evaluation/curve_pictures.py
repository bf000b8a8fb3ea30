"""Curves as small pictures, for films, thumbnails and the pages that show images."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

# n curves of C channels and L points.

HEIGHT, WIDTH = 48, 64  # pixels of a picture
LOW, HIGH = -0.1, 1.1  # values at its lower and upper edge
_CHUNK = 500


def are_curves(images: Floats) -> bool:
    """Whether images (…, C, H, W) are curves."""
    return images.shape[-2] == 1


def pictures(images: Floats) -> Floats:
    """Curves (…, C, 1, L) drawn as lines, white on black, (…, 1, 48, 64); images as they are."""
    if not are_curves(images):
        return images
    *lead, channels, _, length = images.shape
    flat = np.asarray(images, np.float32).reshape(-1, channels, length)
    drawn = [_drawn(flat[i : i + _CHUNK]) for i in range(0, len(flat), _CHUNK)]
    empty = np.zeros((0, HEIGHT, WIDTH), np.float32)
    return np.concatenate([empty, *drawn]).reshape(*lead, 1, HEIGHT, WIDTH)


def _drawn(curves: Floats) -> Floats:
    """Pictures (n, 48, 64) of curves (n, C, L): all channels in one, each a pixel thick."""
    at = np.linspace(0, curves.shape[2] - 1, WIDTH + 1)
    left = np.minimum(at.astype(int), curves.shape[2] - 1)
    right = np.minimum(left + 1, curves.shape[2] - 1)
    share = (at - left).astype(np.float32)
    height = curves[..., left] * (1 - share) + curves[..., right] * share  # (n, C, W + 1)
    row = (HIGH - np.nan_to_num(height, nan=HIGH + 1)) / (HIGH - LOW) * (HEIGHT - 1)
    first, second = row[..., :-1], row[..., 1:]
    top, bottom = np.minimum(first, second), np.maximum(first, second)  # (n, C, W)
    pixel = np.arange(HEIGHT, dtype=np.float32)[:, None]
    away = np.maximum(top[:, :, None] - pixel, pixel - bottom[:, :, None])  # (n, C, H, W)
    ink: Floats = np.clip(1.2 - np.maximum(away, 0), 0, 1).max(1)
    return ink
