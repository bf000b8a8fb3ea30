"""The axis along which the points of a curve lie: energy, field, wavelength or time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class CurveAxis:
    """An even axis.

    Attributes
    ----------
    first, step
        Value of the first point, and difference from one point to the next, in `unit`.
    name, unit
        For figures and files; empty where unknown.
    """

    first: float = 0.0
    step: float = 1.0
    name: str = ""
    unit: str = ""

    def values(self, n: int) -> npt.NDArray[np.float64]:
        """Values of n points, (n,)."""
        return self.first + self.step * np.arange(n, dtype=np.float64)

    @property
    def label(self) -> str:
        """Name and unit, as beside the axis of a figure; ``point`` where neither is known."""
        name = self.name or ("axis" if self.unit else "point")
        return f"{name} ({self.unit})" if self.unit else name


def even_axis(values: Sequence[float] | npt.NDArray[np.floating], tolerance: float = 1e-3) -> bool:
    """Whether neighbouring values are equally far apart, within a share of a step."""
    steps = np.diff(np.asarray(values, np.float64))
    return bool(np.abs(steps - steps.mean()).max(initial=0.0) <= tolerance * np.abs(steps.mean()))
