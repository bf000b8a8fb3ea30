"""One micrograph, wherever it comes from."""

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
        Side of a pixel in nm; None where it is not known.
    name
        To call it by, in pictures and messages.
    scale
        How many times as many pixels a side it has as in its file.
    movie
        Number of the file or movie that it comes from; what is seen in one frame of a movie goes
        on in the next.
    """

    image: npt.NDArray[np.float32]
    pixel_nm: float | None
    name: str
    scale: float = 1.0
    movie: int = 0

    @property
    def file_pixel_nm(self) -> float | None:
        """Side of a pixel of its file in nm; None where it is not known."""
        return None if self.pixel_nm is None else self.pixel_nm * self.scale


def from_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Rows and columns (N, 2) in the files of some frames (N,), as pixels of these frames."""
    return np.asarray(rescale(position, _scales(number, frames)), np.float64)


def in_file(position: Floats, number: Ints, frames: Sequence[Frame]) -> Doubles:
    """Rows and columns (N, 2) in some frames (N,), as pixels of their files."""
    return np.asarray(rescale(position, 1 / _scales(number, frames)), np.float64)


def _scales(number: Ints, frames: Sequence[Frame]) -> Doubles:
    return np.array([frame.scale for frame in frames], np.float64)[number, None]


def brightness(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A frame (H, W) of any scale from 0 to 1, its darkest and brightest pixels clipped."""
    dark, bright = np.percentile(image, [_DARK, _BRIGHT])
    return np.clip((image - dark) / max(bright - dark, 1e-12), 0, 1).astype(np.float32)


def common_pixel_nm(frames: Sequence[Frame]) -> float | None:
    """Side of the pixels of all their files; None where it is not known, or not the same."""
    sizes = {frame.file_pixel_nm for frame in frames}
    return sizes.pop() if len(sizes) == 1 else None
