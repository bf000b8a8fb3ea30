"""Intensity statistics of a set of images, and the window of intensities that becomes 0 to 1."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Window

_SAMPLE = 4_000_000  # pixels that percentiles are computed from
_LIKE = 20  # largest ratio of two widths of intensity windows that can be in the same units
_CONTRAST = 0.1  # floats from 0 to 1 are shares of full brightness if they span this much


@dataclass(frozen=True, kw_only=True)
class IntensityStatistics:
    """Intensity statistics of a set of n images."""

    low: float  # darkest pixel
    high: float  # brightest pixel
    ends: Window  # darkest and brightest pixel after clipping a percentage at either end
    n_repaired: int  # images with pixels that are not numbers
    n_constant: int  # images of a single intensity
    n: int

    @classmethod
    def of(cls, images: FileImages, clip_percent: float = 0.0) -> "IntensityStatistics":
        """Statistics of images, with percentiles of an even sample above 4 million pixels."""
        extremes, sample = [], []
        n_repaired = n_constant = 0
        step = -(-images.shape.numel() // _SAMPLE)
        for rows in torch.arange(len(images)).split(images.chunk):
            for _, some, n_bad in images.select(rows).resized_chunks():
                flat = some.flatten(1)
                low, high = torch.aminmax(flat, dim=1)
                extremes.append((float(low.min()), float(high.max())))
                n_constant += int((low == high).sum())
                n_repaired += n_bad
                if clip_percent:
                    sample.append(flat.flatten()[::step].double().numpy())
        lows, highs = zip(*extremes, strict=True)
        ends = min(lows), max(highs)
        if sample:
            percent = [clip_percent, 100 - clip_percent]
            low_end, high_end = np.percentile(np.concatenate(sample), percent)
            ends = float(low_end), float(high_end)
        return cls(
            low=min(lows),
            high=max(highs),
            ends=ends,
            n_repaired=n_repaired,
            n_constant=n_constant,
            n=len(images),
        )

    def window(self, normalise: str, types: AbstractSet[np.dtype[Any]]) -> Window | None:
        """Intensities that become 0 and 1, by `data.normalise` and the types in the files."""
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
        """Whether these intensities could be in the units of a window."""
        low, high = window
        inside = min(self.high, high) - max(self.low, low)
        return inside * _LIKE >= high - low and self.high - self.low <= _LIKE * (high - low)
