"""A micrograph: its image, pixel size and origin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.pixel_size import rescale

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DARK, _BRIGHT = 0.1, 99.9  # percentiles of a frame that become 0 and 1


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
    """

    image: npt.NDArray[np.float32]
    pixel_nm: float | None
    name: str
    scale: float = 1.0
    movie: int = 0

    @property
    def file_pixel_nm(self) -> float | None:
        """Side of a pixel in the file, in nm; None if unknown."""
        return None if self.pixel_nm is None else self.pixel_nm * self.scale


def movies_of(frames: Sequence[Frame]) -> Ints:
    """The movie of each frame, (F,); files of a single frame each are one movie."""
    movie = np.array([frame.movie for frame in frames])
    return movie if len(np.unique(movie)) < len(movie) else np.zeros(len(movie), np.int64)


def from_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Positions (N, 2) in file pixels, as pixels of the frames with these numbers (N,)."""
    return np.asarray(rescale(position, _scales(number, frames)), np.float64)


def in_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Positions (N, 2) in pixels of the frames with these numbers (N,), as file pixels."""
    return np.asarray(rescale(position, 1 / _scales(number, frames)), np.float64)


def _scales(number: Ints, frames: Sequence[Frame]) -> Doubles:
    return np.array([frame.scale for frame in frames], np.float64)[number, None]


def brightness(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A frame (H, W) scaled to [0, 1]; the darkest and brightest 0.1 % of pixels are clipped."""
    dark, bright = np.percentile(image, [_DARK, _BRIGHT])
    return np.clip((image - dark) / max(bright - dark, 1e-12), 0, 1).astype(np.float32)


def common_pixel_nm(frames: Sequence[Frame]) -> float | None:
    """Side of a pixel in the files of all frames, in nm; None if unknown or not the same."""
    sizes = {frame.file_pixel_nm for frame in frames}
    return sizes.pop() if len(sizes) == 1 else None
