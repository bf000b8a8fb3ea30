"""What is done to curves first: even axis, crop, bin, baseline, derivative, normalisation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from vaerun.data.curve_axis import CurveAxis, even_axis
from vaerun.utils.errors import UserError
from vaerun.utils.progress import bar

# N curves of C channels and L points.

FEWEST_POINTS = 8
_END = 0.05  # share of the points at either end that a straight baseline goes through
_DEGREE = 2  # of the polynomials of a derivative
_ASLS_WEIGHT = 0.01  # of points above the baseline (Eilers and Boelens 2005)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Baseline = Callable[[Any, "CurvePreparation"], Any]  # a curve (L,) → its baseline (L,)


class PreparedCurves(NamedTuple):
    """Curves (N, C, L), which points count, their axis, and the values that became 0 and 1.

    ``measured`` is None where all points count, ``window`` where each curve has its own.
    """

    values: Floats
    measured: Mask | None
    axis: CurveAxis
    window: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class CurvePreparation:
    """Steps in the order in which they are made; see `SpectraConfig`."""

    crop: tuple[float, float] | None = None
    bin: int = 1
    baseline: str = "none"
    baseline_points: int = 20
    baseline_stiffness: float = 1e5
    derivative: int = 0
    derivative_points: int = 15
    normalise: str = "set"

    def __call__(
        self,
        values: Floats,
        measured: Mask,
        axis: CurveAxis,
        window: tuple[float, float] | None = None,
    ) -> PreparedCurves:
        """Prepare curves (N, C, L), of which the points of a mask of that shape count.

        ``window``, if given, are the values that become 0 and 1 where all curves share them.

        Raises
        ------
        UserError
            If too few points or no value is left.
        """
        values = _filled(values, measured)
        values, measured, axis = self._cropped(values, measured, axis)
        values, measured, axis = self._binned(values, measured, axis)
        values = self._less_baseline(values)
        values = self._derived(values, axis)
        if self.normalise in _EACH:
            values = _EACH[self.normalise](values, measured)
        if self.normalise == "curve":
            window = None
        else:
            known = values[measured]
            window = window or (float(known.min()), float(known.max()))
            if not window[1] > window[0]:
                what = f"all values of the curves are {window[0]:g}"
                raise UserError(what, "give others: there is nothing to learn from these")
            values = (values - np.float32(window[0])) / np.float32(window[1] - window[0])
        values = np.where(measured, values, np.clip(values, 0, 1)).astype(np.float32)
        return PreparedCurves(values, None if measured.all() else measured, axis, window)

    def _cropped(
        self, values: Floats, measured: Mask, axis: CurveAxis
    ) -> tuple[Floats, Mask, CurveAxis]:
        if self.crop is None:
            return values, measured, axis
        at = axis.values(values.shape[2])
        low, high = self.crop
        kept = np.flatnonzero((at >= low) & (at <= high))
        if len(kept) < FEWEST_POINTS:
            what = f"data.crop=[{low:g},{high:g}] keeps {len(kept)} of {len(at)} points"
            hint = f"the axis goes from {at.min():g} to {at.max():g}: keep {FEWEST_POINTS} or more"
            raise UserError(what, hint)
        rows = slice(kept[0], kept[-1] + 1)
        return values[..., rows], measured[..., rows], replace(axis, first=float(at[kept[0]]))

    def _binned(
        self, values: Floats, measured: Mask, axis: CurveAxis
    ) -> tuple[Floats, Mask, CurveAxis]:
        """Means of neighbouring points that count; what is left over at the end is cut off."""
        if self.bin == 1:
            return values, measured, axis
        n = values.shape[2] // self.bin
        if n < FEWEST_POINTS:
            what = f"data.bin={self.bin} leaves {n} of {values.shape[2]} points"
            raise UserError(what, f"keep {FEWEST_POINTS} or more")
        end = n * self.bin
        parts, known = (v[..., :end].reshape(*v.shape[:2], n, self.bin)
                        for v in (values, measured))  # fmt: skip
        count = known.sum(3)
        mean = np.where(known, parts, 0).sum(3) / np.maximum(count, 1)
        mean = np.where(count > 0, mean, parts.mean(3)).astype(np.float32)
        first = axis.first + axis.step * (self.bin - 1) / 2
        return mean, count > 0, replace(axis, first=first, step=axis.step * self.bin)

    def _less_baseline(self, values: Floats) -> Floats:
        if self.baseline == "none":
            return values
        make = BASELINES[self.baseline]
        flat = values.reshape(-1, values.shape[2]).astype(np.float64)
        rows = bar(flat, "baselines", len(flat), shown=False)
        left = np.stack([curve - make(curve, self) for curve in rows])
        return left.reshape(values.shape).astype(np.float32)

    def _derived(self, values: Floats, axis: CurveAxis) -> Floats:
        """Derivatives per unit of the axis, smoothed (Savitzky and Golay 1964)."""
        if self.derivative == 0:
            return values
        n, n_all = self.derivative_points, values.shape[2]
        if n > n_all:
            what = f"data.derivative_points={n} is more than the {n_all} points of a curve"
            raise UserError(what, f"give {n_all - 1 + n_all % 2} or less")
        degree = max(self.derivative, _DEGREE)
        made = savgol_filter(values, n, degree, deriv=self.derivative, delta=axis.step)
        return np.asarray(made, np.float32)


def resampled(
    values: Floats, measured: Mask, at: npt.NDArray[np.floating], axis: CurveAxis
) -> tuple[Floats, Mask, CurveAxis, bool]:
    """Curves (N, C, L) on an even axis of as many points, and whether that changed them.

    Parameters
    ----------
    at
        (L,) values of the points, rising or falling throughout.
    axis
        Name and unit.
    """
    n = len(at)
    axis = replace(axis, first=float(at[0]), step=float((at[-1] - at[0]) / (n - 1)))
    if even_axis(at):
        return values, measured, axis, False
    order = slice(None) if at[-1] > at[0] else slice(None, None, -1)
    wanted, given = axis.values(n), np.asarray(at, np.float64)[order]
    index = np.interp(wanted, given, np.arange(n)[order].astype(np.float64))
    left = np.minimum(index.astype(int), n - 2)
    share = (index - left).astype(np.float32)
    filled = _filled(values, measured)
    made = filled[..., left] * (1 - share) + filled[..., left + 1] * share
    return made, measured[..., left] & measured[..., left + 1], axis, True


def _filled(values: Floats, measured: Mask) -> Floats:
    """Curves (N, C, L) whose points that do not count lie on a line between those that do."""
    if measured.all():
        return values
    filled = values.copy()
    at = np.arange(values.shape[2])
    for index in zip(*np.nonzero(~measured.all(2)), strict=True):
        known = measured[index]
        filled[index] = np.interp(at, at[known], values[index][known]) if known.any() else 0.0
    return filled


def _known(values: Floats, measured: Mask) -> Floats:
    """All numbers (N, C·L) of each curve, NaN where they do not count."""
    return np.where(measured, values, np.nan).reshape(len(values), -1)


def _per_curve(low: Floats, span: Floats, values: Floats) -> Floats:
    """Curves (N, C, L) less a value (N,) each, in units of another (N,)."""
    span = np.maximum(span, np.finfo(np.float32).tiny)
    return np.asarray((values - low[:, None, None]) / span[:, None, None], np.float32)


def _from_0_to_1(values: Floats, measured: Mask) -> Floats:
    known = _known(values, measured)
    low = np.nanmin(known, axis=1)
    return _per_curve(low, np.nanmax(known, axis=1) - low, values)


def _of_one_area(values: Floats, measured: Mask) -> Floats:
    """Every curve with a mean of absolute values of 1."""
    size = np.nanmean(np.abs(_known(values, measured)), axis=1)
    return _per_curve(np.zeros_like(size), size, values)


def _of_one_spread(values: Floats, measured: Mask) -> Floats:
    """Every curve with a mean of 0 and an sd of 1 (Barnes, Dhanoa and Lister 1989)."""
    known = _known(values, measured)
    return _per_curve(np.nanmean(known, axis=1), np.nanstd(known, axis=1), values)


def _linear(curve: Any, prepare: CurvePreparation) -> Any:
    """The line through the means of both ends."""
    del prepare
    n = len(curve)
    end = max(round(_END * n), 1)
    first, last = curve[:end].mean(), curve[-end:].mean()
    middle = (end - 1) / 2
    slope = (last - first) / max(n - 1 - 2 * middle, 1)
    return first + slope * (np.arange(n) - middle)


def _pybaselines(n: int) -> Any:
    try:
        from pybaselines import Baseline  # an extra
    except ImportError:
        what = "data.baseline=snip or asls takes pybaselines, which is not installed"
        raise UserError(what, "pip install 'vaerun[spectra]', or data.baseline=linear") from None
    return Baseline(np.arange(n, dtype=np.float64))


def _snip(curve: Any, prepare: CurvePreparation) -> Any:
    """Statistics-sensitive non-linear iterative peak clipping (Ryan 1988)."""
    most = min(prepare.baseline_points, (len(curve) - 1) // 2)
    return _pybaselines(len(curve)).snip(curve, max_half_window=most, decreasing=True)[0]


def _asls(curve: Any, prepare: CurvePreparation) -> Any:
    """Asymmetric least squares (Eilers and Boelens 2005)."""
    fit = _pybaselines(len(curve))
    return fit.asls(curve, lam=prepare.baseline_stiffness, p=_ASLS_WEIGHT)[0]


# `data.baseline` → the function that finds it
BASELINES: dict[str, Baseline] = {
    "none": lambda curve, prepare: 0.0,
    "linear": _linear,
    "snip": _snip,
    "asls": _asls,
}
# `data.normalise` → what is done to each curve by itself
_EACH = {"curve": _from_0_to_1, "area": _of_one_area, "snv": _of_one_spread}
NORMALISATIONS = ("set", *_EACH)
