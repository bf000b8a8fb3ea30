"""Intensity statistics of a set of images, and the window of intensities that becomes 0 to 1."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Preprocessing, Window

_SAMPLE = 4_000_000  # pixels that percentiles are computed from
_LIKE = 20  # largest ratio of two widths of intensity windows that can be in the same units
_INNER = (0.1, 1.0)  # percent beyond either end of `most` and `nearly`
_FILLED = 1 / 20  # least share of a window that most pixels must fill
_FENCE = 3  # outliers are as many times the width of `most` beyond it
_FEW = 1e-4  # share of the pixels that may be outliers beyond doubt, as hot pixels are
_HALF = 0.5  # of the range of 8 bits
_BYTES = (0.0, 255.0)
_PART = 0.05  # of the images
_GAP = 5  # between the contrasts of images in different units
_CONTRAST = 0.1  # floats from 0 to 1 are shares of full brightness if they span this much


@dataclass(frozen=True, kw_only=True)
class IntensityStatistics:
    """Intensity statistics of a set of n images."""

    low: float  # darkest pixel
    high: float  # brightest pixel
    ends: Window  # darkest and brightest pixel after clipping a percentage at either end
    most: Window  # between which 99.8 % of the pixels are
    nearly: Window  # between which 98 % of them are
    n_filled: int  # images with pixels that were not measured
    n_pixels: int  # that were not measured, of all images
    n_constant: int  # images of a single intensity
    spans: npt.NDArray[np.float64]  # (n,) darkest to brightest pixel of each image
    n: int

    @classmethod
    def of(cls, images: FileImages, clip_percent: float = 0.0) -> "IntensityStatistics":
        """Statistics of images, with percentiles of an even sample above 4 million pixels."""
        extremes, sample, spans = [], [], []
        n_filled = n_pixels = n_constant = 0
        step = -(-images.shape.numel() // _SAMPLE)
        for rows in torch.arange(len(images)).split(images.chunk):
            for _, (some, measured) in images.select(rows).resized_chunks():
                flat = some.flatten(1)
                if measured is not None:
                    missing = (~measured).flatten(1).sum(1)
                    n_filled += int((missing > 0).sum())
                    n_pixels += int(missing.sum())
                low, high = torch.aminmax(flat, dim=1)
                extremes.append((float(low.min()), float(high.max())))
                spans.append((high - low).double().numpy())
                n_constant += int((low == high).sum())
                sample.append(flat.flatten()[::step].double().numpy())
        lows, highs = zip(*extremes, strict=True)
        ends = min(lows), max(highs)
        inner = [_percentiles(sample, percent) for percent in (clip_percent, *_INNER)]
        if clip_percent:
            ends = inner[0]
        return cls(
            low=min(lows),
            high=max(highs),
            ends=ends,
            most=inner[1],
            nearly=inner[2],
            n_filled=n_filled,
            n_pixels=n_pixels,
            n_constant=n_constant,
            spans=np.concatenate(spans),
            n=len(images),
        )

    def fills(self, window: Window) -> bool:
        """Whether these intensities could be in the units of a window."""
        low, high = window
        inside = min(self.high, high) - max(self.low, low)
        return inside * _LIKE >= high - low and self.high - self.low <= _LIKE * (high - low)


class ChosenWindow(NamedTuple):
    """Intensities that become 0 and 1, if all images share them, and a remark for the user."""

    window: Window | None
    remark: str | None = None


def choose_window(
    images: FileImages,
    statistics: IntensityStatistics,
    types: AbstractSet[np.dtype[Any]],
    prepare: Preprocessing,
) -> ChosenWindow:
    """The window of a set of images, by `data.normalise`, the types in their files and the pixels.

    A few outliers, such as hot pixels, do not count: where nearly all pixels would fill less than
    a twentieth of the window, it is that of the others.
    """
    normalise = prepare.normalise
    if normalise in ("none", "image"):
        return ChosenWindow(None)
    window = _plain_window(statistics, normalise, types)
    low, high = window
    filled = statistics.most[1] - statistics.most[0]
    by_hand = normalise == "set" or prepare.clip_percent > 0 or prepare.scale != "none"
    if 0 < filled < _FILLED * (high - low):
        fence = (statistics.most[0] - _FENCE * filled, statistics.most[1] + _FENCE * filled)
        inside, share = _inside(images, fence)
        if share <= _FEW and not by_hand:
            return ChosenWindow(inside, _few_outliers(share, inside, window))
        return ChosenWindow(window, None if by_hand and normalise != "set" else _spoilt(0.1))
    filled = statistics.nearly[1] - statistics.nearly[0]
    if 0 < filled < _FILLED * (high - low) and not by_hand:
        return ChosenWindow(window, _spoilt(1))
    if normalise == "auto" and (remark := _unlike(statistics, window)):
        return ChosenWindow(window, remark)
    if window == _BYTES and statistics.high < _HALF * _BYTES[1]:
        return ChosenWindow(
            window,
            f"numbers of 8 bits are taken from 0 to 255, though there are none above "
            f"{statistics.high:g}: data.normalise=set spreads what there is over 0 to 1",
        )
    return ChosenWindow(window)


def _unlike(statistics: IntensityStatistics, window: Window) -> str | None:
    """Remark where a part of the images are so much dimmer that they seem to be in other units."""
    spans = statistics.spans[statistics.spans > 0]
    dim = spans < _FILLED * (window[1] - window[0])
    if not _PART * len(spans) <= dim.sum() < len(spans) or dim.sum() == 0:
        return None
    if spans[dim].max() * _GAP > spans[~dim].min():  # weaker ones, but of the same kind
        return None
    n = f"{dim.sum():,} of {statistics.n:,} training images"
    return (
        f"{n} differ by {spans[dim].max():g} at most from dark to bright, the others by "
        f"{spans[~dim].min():g} or more, as of another unit or type of number: "
        "data.normalise=image takes each from its own darkest to its brightest pixel"
    )


def _few_outliers(share: float, inside: Window, window: Window) -> str:
    pixels = f"but for {share:.2g} of them" if share else "all"
    return (
        f"pixels lie between {inside[0]:g} and {inside[1]:g} ({pixels}), a small part of "
        f"{window[0]:g} to {window[1]:g}: that part became 0 to 1, others are clipped "
        "(data.normalise=set spreads all)"
    )


def _spoilt(percent: float) -> str:
    return (
        f"{100 - 2 * percent:g} % of the pixels fill less than a twentieth of the range, and "
        f"will look alike: data.clip_percent={percent:g} clips the others, data.scale=log brings "
        "out the dark ones"
    )


def _plain_window(
    statistics: IntensityStatistics, normalise: str, types: AbstractSet[np.dtype[Any]]
) -> Window:
    """The window by the types and the darkest and brightest pixels alone."""
    low, high = statistics.low, statistics.high
    if normalise == "auto":
        whole = all(one.kind in "biu" for one in types)
        if low >= 0 and high <= 1 and (whole or high - low >= _CONTRAST):
            return 0.0, 1.0
        if types == {np.dtype(np.uint8)} and statistics.ends == (low, high):
            return _BYTES
    return statistics.ends if statistics.ends[1] > statistics.ends[0] else (low, high)


def _inside(images: FileImages, fence: Window) -> tuple[Window, float]:
    """Darkest and brightest pixel between two intensities, and the share of pixels beyond."""
    ends, n_beyond, n = [], 0, 0
    for rows in torch.arange(len(images)).split(images.chunk):
        for _, (some, _) in images.select(rows).resized_chunks():
            inside = (some >= fence[0]) & (some <= fence[1])
            pixels = some[inside]
            n_beyond += inside.numel() - len(pixels)
            n += inside.numel()
            if len(pixels):
                ends.append((float(pixels.min()), float(pixels.max())))
    lows, highs = zip(*ends, strict=True)
    return (min(lows), max(highs)), n_beyond / n


def _percentiles(sample: list[npt.NDArray[np.float64]], percent: float) -> Window:
    """Intensities beyond which there are so many percent of the pixels at either end."""
    low, high = np.percentile(np.concatenate(sample), [percent, 100 - percent])
    return float(low), float(high)
