"""One micrograph, wherever it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_DARK, _BRIGHT = 0.1, 99.9  # percentiles of a frame that become 0 and 1


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A micrograph.

    Attributes
    ----------
    image
        (H, W) intensities of any scale, row first.
    pixel_nm
        Side of a pixel in nm; None where it is not known.
    name
        To call it by, in pictures and messages.
    scale
        How many times as many pixels a side it has as in its file.
    """

    image: npt.NDArray[np.float32]
    pixel_nm: float | None
    name: str
    scale: float = 1.0


def brightness(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A frame (H, W) of any scale from 0 to 1, its darkest and brightest pixels clipped."""
    dark, bright = np.percentile(image, [_DARK, _BRIGHT])
    return np.clip((image - dark) / max(bright - dark, 1e-12), 0, 1).astype(np.float32)


def common_pixel_nm(frames: Sequence[Frame]) -> float | None:
    """The size of the pixels of all frames; None where it is not known, or not the same."""
    sizes = {frame.pixel_nm for frame in frames}
    return sizes.pop() if len(sizes) == 1 else None
