"""Pixels that a file fills in because they were never measured.

Numbers that are none (NaN, ±∞, 10³⁰ and more) need no evidence. Others are looked for in a sample
of the images, and count only where nothing measured is near them:

- the largest number of an unsigned type, or the one below it, as detectors give gaps and bad
  pixels, and the ends of a signed one; not of 8 bits, which pictures use to the end;
- −1 and −2 among counts, which are never negative, and −999, −9999, … far below all others, and
  999999 and 10²⁰ far above;
- rows and columns along the edges of a single number that is rare in an interior of noise, as the
  correction of drift leaves them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.data.io.lazy_array import Array
from vaerun.data.io.lazy_array import listed as listed_names

BEYOND = 1e30  # larger numbers are fill values of netCDF and other formats
_SAMPLE = 1_000_000  # pixels
_LEAST_SHARE = 1e-4  # of the pixels; fewer are hot or dead pixels
_DISTINCT = 16  # numbers that images have at least; a map of labels has fewer
_COUNTS = 20  # the highest count is at least this where −1 is none
_FAR_BELOW = (-999.0, -9999.0, -99999.0, -999999.0, -32768.0, -2147483648.0)
_TOPS = (2.0**16 - 1, 2.0**31 - 1, 2.0**32 - 1, 2.0**32 - 2)  # of types that were converted since
_FAR_ABOVE = (999999.0, 1e20)  # what masked arrays of NumPy are filled with
_NEAR = 0.5  # of the number: where others come closer it is one of them
# A constant border: share of the interior in the image at least, and, of its pixels at most, that
# are the border's number, or equal to their neighbour.
_INTERIOR, _RARE, _EQUAL = 0.25, 0.01, 0.2

Mask = npt.NDArray[np.bool_]

# n images of C channels, H × W pixels each.


@dataclass(frozen=True)
class FillValues:
    """What stands for unmeasured pixels in some files, beside numbers that are none.

    Attributes
    ----------
    values
        Numbers that stand for them.
    borders
        Whether constant borders of noisy images were never measured.
    """

    values: tuple[float, ...] = ()
    borders: bool = False

    def __bool__(self) -> bool:
        return bool(self.values) or self.borders

    def __str__(self) -> str:
        parts = [f"{value:.15g}" for value in self.values]
        return listed_names([*parts, *["constant borders"] * self.borders])

    def measured(self, images: Array) -> Mask | None:
        """Which pixels of images (n, C, H, W) were measured; None: all."""
        fills = np.zeros(0, bool)
        if images.dtype.kind == "f":
            with np.errstate(invalid="ignore", over="ignore"):  # float16
                fills = ~(np.abs(images) < BEYOND)  # also of NaN
        if self.values:
            given = np.isin(_comparable(images), np.array(self.values))
            fills = fills | given if fills.size else given
        if self.borders:
            at_edges = _constant_borders(images)
            fills = fills | at_edges if fills.size else at_edges
        return ~fills if fills.any() else None


def given(unmeasured: str | Sequence[float]) -> FillValues | None:
    """The fill values of ``data.unmeasured``: None for auto, which looks for them."""
    if unmeasured == "auto":
        return None
    return FillValues(() if isinstance(unmeasured, str) else tuple(unmeasured))


def _comparable(images: Array) -> Array:
    """The images in a type that compares with a number exactly, whatever its sign."""
    return images if images.dtype.kind == "f" else images.astype(np.float64)


def look_for(parts: Iterable[Array]) -> FillValues:
    """What stands for unmeasured pixels in these images, (n, C, H, W) each, of one type."""
    arrays = list(parts)
    if not arrays:
        return FillValues()
    size = sum(array.size for array in arrays)
    step = -(-size // _SAMPLE)
    sample = np.concatenate([array.reshape(-1)[::step] for array in arrays])
    values = _fill_numbers(sample)
    found = FillValues(values)
    return FillValues(values, any(_has_borders(array, found) for array in arrays))


def _fill_numbers(sample: Array) -> tuple[float, ...]:
    """Numbers of a sample (n,) that stand for unmeasured pixels."""
    dtype = sample.dtype
    if dtype.kind not in "iuf" or dtype.itemsize == 1:
        return ()
    if dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):  # float16
            sample = sample[np.abs(sample) < BEYOND]
    numbers, count = np.unique(sample, return_counts=True)
    numbers = numbers.astype(np.float64)
    often = numbers[count >= max(_LEAST_SHARE * len(sample), 1)]
    suspects = np.array(sorted(_suspects(dtype)))
    fills = np.intersect1d(often, suspects)
    rest = np.setdiff1d(numbers, suspects)
    if not len(fills) or len(rest) < _DISTINCT:
        return ()
    low, high = float(rest[0]), float(rest[-1])
    counts = high >= _COUNTS and (dtype.kind in "iu" or bool((rest % 1 == 0).all()))
    return tuple(float(fill) for fill in fills if _is_apart(float(fill), low, high, counts))


def _suspects(dtype: np.dtype[Any]) -> set[float]:
    """Numbers of a type that may stand for unmeasured pixels."""
    numbers = {-1.0, -2.0, *_FAR_BELOW, *_TOPS, *_FAR_ABOVE}
    if dtype.kind == "f":  # as the type rounds them
        with np.errstate(over="ignore"):
            numbers = set(np.array(list(numbers)).astype(dtype).astype(np.float64).tolist())
    else:
        limits = np.iinfo(dtype)
        numbers = {one for one in numbers if limits.min <= one <= limits.max}
        numbers |= {float(limits.max), float(limits.max - 1)}
        if dtype.kind == "i":
            numbers.add(float(limits.min))
    return numbers


def _is_apart(fill: float, low: float, high: float, counts: bool) -> bool:
    """Whether a number is far from all others, which are from ``low`` to ``high``."""
    if fill in (-1.0, -2.0):
        return counts and low >= 0
    if fill < 0:
        return low > _NEAR * fill and (low >= 0 or fill < low - (high - low))
    return high < _NEAR * fill


def _has_borders(images: Array, found: FillValues) -> bool:
    """Whether any of the images has a constant border that the numbers found do not explain."""
    at_edges = _constant_borders(images)
    if not at_edges.any():
        return False
    known = found.measured(images)
    return bool((at_edges if known is None else at_edges & known).any())


def _constant_borders(images: Array) -> Mask:
    """Pixels (n, C, H, W) of rows and columns along the edges of a single number each."""
    fills = np.zeros(images.shape, bool)
    edges = (images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1])
    maybe = np.logical_or.reduce([(edge == edge[..., :1]).all(-1) for edge in edges])  # (n, C)
    if not maybe.any() or min(images.shape[-2:]) < 2:
        return fills
    some = images[maybe]  # (m, H, W)
    m, height, width = some.shape
    rows = (some == some[:, :, :1]).all(2)
    top = _leading(rows & (some[:, :, 0] == some[:, :1, 0]))
    bottom = _leading((rows & (some[:, :, 0] == some[:, -1:, 0]))[:, ::-1])
    row = np.arange(height)
    in_rows = (row < top[:, None]) | (row >= height - bottom[:, None])  # (m, H)
    first = np.minimum(top, height - 1)  # a row of the interior
    inner = some[np.arange(m), first]  # (m, W)
    columns = ((some == inner[:, None]) | in_rows[:, :, None]).all(1)
    left = _leading(columns & (inner == inner[:, :1]))
    right = _leading((columns & (inner == inner[:, -1:]))[:, ::-1])
    column = np.arange(width)
    in_columns = (column < left[:, None]) | (column >= width - right[:, None])
    border = in_rows[:, :, None] | in_columns[:, None]  # (m, H, W)
    corners = [some[:, 0, 0], some[:, -1, 0], inner[:, 0], inner[:, -1]]
    wide = [top > 0, bottom > 0, left > 0, right > 0]
    fills[maybe] = border & _is_noise_inside(some, border, corners, wide)[:, None, None]
    return fills


def _is_noise_inside(
    images: Array, border: Mask, numbers: Sequence[Array], has: Sequence[Mask]
) -> Mask:
    """Whether the interior of each image (m, H, W) is large, noisy and unlike its border.

    ``numbers`` are those of the four sides, (m,) each, and ``has`` says which of them are borders.
    """
    inside = ~border
    n = inside.sum((1, 2))
    enough = (n >= _INTERIOR * border[0].size) & np.logical_or.reduce(has)
    share = np.zeros(len(images))
    for number, there in zip(numbers, has, strict=True):
        alike = ((images == number[:, None, None]) & inside).sum((1, 2)) / np.maximum(n, 1)
        share = np.maximum(share, np.where(there, alike, 0.0))
    pairs = inside[:, :, 1:] & inside[:, :, :-1]
    equal = ((images[:, :, 1:] == images[:, :, :-1]) & pairs).sum((1, 2))
    noisy = equal <= _EQUAL * np.maximum(pairs.sum((1, 2)), 1)
    return np.asarray(enough & (share <= _RARE) & noisy)


def _leading(flags: Mask) -> npt.NDArray[np.int64]:
    """Number of flags (m, n) before the first that is False, (m,)."""
    return np.asarray(np.logical_and.accumulate(flags, axis=1).sum(1))
