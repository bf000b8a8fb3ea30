"""A micrograph: its image, pixel size and origin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.pixel_size import rescale

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAME_SIZE = 1.01  # ratio of pixel sizes up to which they count as one
_DARK, _BRIGHT = 0.1, 99.9  # percentiles of a frame that become 0 and 1
_AT_ONCE = 2**20  # pixels scaled at once


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A micrograph.

    Attributes
    ----------
    image
        (H, W) intensities of any scale, row first.
    pixel_nm
        Side of a pixel in nm; None if unknown.
    name
        Name for figures and messages.
    scale
        Pixels a side over those in its file: the factor by which it was resampled.
    movie
        Number of its movie, whose frames show one field after each other; without movies, of its
        file.
    measured
        (H, W), which pixels are measured and not filled in; None: all.
    window
        Intensities of the file that are 0 and 1 in ``image``; None if they are the file's.
    """

    image: npt.NDArray[np.float32]
    pixel_nm: float | None
    name: str
    scale: float = 1.0
    movie: int = 0
    measured: npt.NDArray[np.bool_] | None = None
    window: tuple[float, float] | None = None

    @property
    def file_pixel_nm(self) -> float | None:
        """Side of a pixel in the file, in nm; None if unknown."""
        return None if self.pixel_nm is None else self.pixel_nm * self.scale


def movies_of(frames: Sequence[Frame]) -> Ints:
    """The movie of each frame, (F,); files of a single frame, of one pixel size, are one movie."""
    movie = np.array([frame.movie for frame in frames])
    sizes = [frame.file_pixel_nm for frame in frames if frame.file_pixel_nm is not None]
    differ = bool(sizes) and max(sizes) > SAME_SIZE * min(sizes)
    is_one = len(np.unique(movie)) == len(movie) and not differ
    return np.zeros(len(movie), np.int64) if is_one else movie


def from_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Positions (N, 2) in file pixels, as pixels of the frames with these numbers (N,)."""
    return np.asarray(rescale(position, _scales(number, frames)), np.float64)


def in_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Positions (N, 2) in pixels of the frames with these numbers (N,), as file pixels."""
    return np.asarray(rescale(position, 1 / _scales(number, frames)), np.float64)


def _scales(number: Ints, frames: Sequence[Frame]) -> Doubles:
    return np.array([frame.scale for frame in frames], np.float64)[number, None]


def shown_range(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Intensities of a frame (H, W) that become 0 and 1."""
    dark, bright = np.percentile(image, [_DARK, _BRIGHT])
    return float(dark), float(bright)


def brightness(image: npt.NDArray[Any], *, clip: bool = True) -> npt.NDArray[np.float32]:
    """A frame (H, W) of any type scaled to [0, 1]; the darkest and brightest 0.1 % are clipped.

    With ``clip=False`` these are below 0 and above 1.
    Computed in double, a few rows at a time, so that a large frame takes little more memory than
    the result.
    """
    dark, bright = shown_range(image)
    span = bright - dark if bright > dark else float(np.finfo(np.float64).tiny)  # in any unit
    shown = np.empty(image.shape, np.float32)
    step = max(_AT_ONCE // max(image.shape[1], 1), 1)
    with np.errstate(over="ignore"):  # where nearly all pixels are alike
        for first in range(0, len(image), step):
            rows = image[first : first + step].astype(np.float64)
            rows = (rows - dark) / span
            shown[first : first + step] = np.clip(rows, 0, 1) if clip else rows
    return shown


def reduced(image: npt.NDArray[Any], longest: int) -> tuple[npt.NDArray[Any], int]:
    """A frame (H, W) averaged over squares to at most ``longest`` pixels a side, and their side.

    A smaller frame is returned as it is; a remaining part of a square at the far edges is cut off.
    """
    step = min(-(-max(image.shape) // longest), *image.shape)
    if step == 1:
        return image, 1
    rows, columns = (side // step for side in image.shape)
    squares = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return squares.mean((1, 3), dtype=np.float32), step


def common_pixel_nm(frames: Sequence[Frame]) -> float | None:
    """Side of a pixel in the files of all frames, in nm; None if unknown or not the same."""
    sizes = {frame.file_pixel_nm for frame in frames}
    return sizes.pop() if len(sizes) == 1 else None
