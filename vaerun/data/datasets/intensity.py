"""What the intensities of a set are, and which of them become 0 and 1."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Window

_SAMPLE = 4_000_000  # pixels that percentiles are taken of
_LIKE = 20  # times wider or narrower than a window: intensities of another kind
_CONTRAST = 0.1  # floats from 0 to 1 are shares of full brightness if they span this much


@dataclass(frozen=True, kw_only=True)
class IntensityStatistics:
    """All images of a set looked at once.

    Attributes
    ----------
    low, high
        Darkest and brightest pixel.
    ends
        Those with the share asked for clipped at either end.
    n_mended
        Images with pixels that are no numbers.
    n_constant
        Images of a single intensity.
    n
        Images.
    """

    low: float
    high: float
    ends: Window
    n_mended: int
    n_constant: int
    n: int

    @classmethod
    def of(cls, stack: FileImages, clip_percent: float = 0.0) -> "IntensityStatistics":
        """Percentiles are exact for up to 4 million pixels, of an even sample beyond that."""
        ends, sample = [], []
        n_mended = n_constant = 0
        step = -(-stack.shape.numel() // _SAMPLE)
        for rows in torch.arange(len(stack)).split(stack.chunk):
            for _, images, n_bad in stack.select(rows).resized_chunks():
                flat = images.flatten(1)
                low, high = torch.aminmax(flat, dim=1)
                ends.append((float(low.min()), float(high.max())))
                n_constant += int((low == high).sum())
                n_mended += n_bad
                if clip_percent:
                    sample.append(flat.flatten()[::step].double().numpy())
        lows, highs = zip(*ends, strict=True)
        low, high = min(lows), max(highs)
        return cls(
            low=low,
            high=high,
            ends=_percentiles(sample, clip_percent) if sample else (low, high),
            n_mended=n_mended,
            n_constant=n_constant,
            n=len(stack),
        )

    def window(self, normalise: str, types: AbstractSet[np.dtype[Any]]) -> Window | None:
        """The intensities that become 0 and 1, with numbers of these types in the files."""
        if normalise in ("none", "image"):
            return None
        if normalise == "auto":
            whole = all(one.kind in "biu" for one in types)
            if self.low >= 0 and self.high <= 1 and (whole or self.high - self.low >= _CONTRAST):
                return 0.0, 1.0
            if types == {np.dtype(np.uint8)}:
                return 0.0, 255.0
        low, high = self.ends
        return self.ends if high > low else (self.low, self.high)

    def fills(self, window: Window) -> bool:
        """Whether these intensities could be of the kind that a window is meant for."""
        low, high = window
        inside = min(self.high, high) - max(self.low, low)
        return inside * _LIKE >= high - low and self.high - self.low <= _LIKE * (high - low)


def _percentiles(sample: list[npt.NDArray[np.float64]], clip_percent: float) -> Window:
    low, high = np.percentile(np.concatenate(sample), [clip_percent, 100 - clip_percent])
    return float(low), float(high)
