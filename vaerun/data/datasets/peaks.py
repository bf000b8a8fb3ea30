"""Peaks: curves with lines of known shape, position, width and height, drawn on the fly.

    curve = height · shape((axis − position) / width) + offset + slope · axis + noise

All curves are then brought to 0 to 1 by the lowest and highest value of the set.

`vaerun model=rvae data=peaks`
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.curve_axis import CurveAxis
from vaerun.data.datasets.line_shapes import LINE_SHAPES
from vaerun.data.image_set import ImageSet, Splits
from vaerun.utils.errors import UserError, format_value, raise_all

# N curves of L points; n lines of a curve.

_CHUNK = 2000  # curves drawn at once
_FURTHER = (0.3, 0.8)  # height of further lines, over that of the first
_RANGES = ("axis", "position", "width", "height", "lines", "noise_sd")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PeaksConfig(DataConfig):
    """How the curves are drawn; two numbers are the ends of a range, uniform unless said."""

    of_curves: ClassVar[bool] = True

    shapes: list[str] = field("kinds of lines, equally frequent", choices=list(LINE_SHAPES))
    channels: int = field("points of a curve, as channels of a detector", min=16, max=100_000)
    axis: list[float] = field("values of the first and last point")
    axis_name: str = field("name of the axis, for figures")
    axis_unit: str = field("unit of the axis, for figures")
    position: list[float] = field("middle of the line, in units of the axis")
    width: list[float] = field("width of the line, in units of the axis", above=0)
    height: list[float] = field("height of the line, uniform in its logarithm", above=0)
    lines: list[int] = field("lines of a curve; further ones are lower, anywhere", min=1, max=20)
    offset: float = field("baseline is within ± this, over the greatest height", min=0)
    slope: float = field(
        "baseline rises or falls by up to this over the axis, over the greatest height", min=0
    )
    noise_sd: list[float] = field("sd of the Gaussian noise of a curve", min=0)
    labelled_per_class: int = field("labelled curves a class, for models that learn labels", min=1)

    def __post_init__(self) -> None:
        faults = []
        for name in _RANGES:
            ends = getattr(self, name)
            ordered = len(ends) == 2 and (ends[0] < ends[1] or (name != "axis" and
                                                                ends[0] == ends[1]))  # fmt: skip
            if not ordered:
                what = f"data.{name}={format_value(ends)} is not a lower and an upper end"
                faults.append(UserError(what, f"give two numbers, as in data.{name}=[1,2]"))
        if not self.shapes or len(set(self.shapes)) < len(self.shapes):
            what = f"data.shapes={format_value(self.shapes)} is empty or names one twice"
            faults.append(UserError(what, "name each once, as in 'data.shapes=[gaussian,loop]'"))
        raise_all(faults)

    @property
    def curve_axis(self) -> CurveAxis:
        """The axis of the curves."""
        first, last = self.axis
        step = (last - first) / (self.channels - 1)
        return CurveAxis(first=first, step=step, name=self.axis_name, unit=self.axis_unit)


def load(config: PeaksConfig, seed: int) -> Splits:
    """Draw both splits, each from its own random stream; ``index`` counts through both."""
    n_train, n_val = config.train_size or 5000, config.val_size or 1000
    seeds = np.random.SeedSequence(seed).spawn(3)
    drawn = [_drawn(config, n, some) for n, some in zip((n_train, n_val), seeds, strict=False)]
    window = _window([curves for curves, _, _ in drawn])
    parts = [_image_set(*some, window, first) for some, first in zip(drawn, (0, n_train),
                                                                     strict=True)]  # fmt: skip
    return Splits(
        train=parts[0],
        val=parts[1],
        classes=list(config.shapes) if len(config.shapes) > 1 else [],
        window=window,
        axis=config.curve_axis,
    )


def load_labelled(config: PeaksConfig, seed: int, splits: Splits) -> ImageSet:
    """Draw the labelled curves, as many of each shape, from a random stream of their own."""
    assert splits.window is not None
    n = config.labelled_per_class * len(config.shapes)
    some = _drawn(config, n, np.random.SeedSequence(seed).spawn(3)[2])
    return _image_set(*some, splits.window, len(splits.train) + len(splits.val))


def _window(parts: list[Floats]) -> tuple[float, float]:
    low, high = (float(f([f(part) for part in parts])) for f in (np.min, np.max))
    return low, max(high, low + float(np.finfo(np.float32).tiny))


def _image_set(
    curves: Floats,
    factors: dict[str, Floats],
    label: Ints,
    window: tuple[float, float],
    first_index: int,
) -> ImageSet:
    low, high = window
    scaled = ((curves - low) / (high - low)).astype(np.float32)
    return ImageSet(
        images=torch.from_numpy(scaled)[:, None, None],
        label=torch.from_numpy(label if label.any() else label - 1),  # of one kind: no class
        index=torch.arange(first_index, first_index + len(curves)),
        factors={name: _float(values) for name, values in factors.items()},
    )


def _float(values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _drawn(
    config: PeaksConfig, n: int, seed: np.random.SeedSequence
) -> tuple[Floats, dict[str, Floats], Ints]:
    """Curves (n, L), their factors, (n,) each, and the number (n,) of their shapes.

    Shapes alternate. Factors, further lines and noise have random streams of their own.
    """
    of_factors, of_further, of_noise = map(np.random.default_rng, seed.spawn(3))
    label = np.arange(n) % len(config.shapes)
    factors = _factors(config, n, of_factors)
    axis = config.curve_axis.values(config.channels)
    middle = (axis - axis.mean()) / np.ptp(axis)
    curves = np.empty((n, config.channels))
    for first in range(0, n, _CHUNK):
        rows = slice(first, first + _CHUNK)
        some = {name: values[rows, None] for name, values in factors.items()}
        curves[rows] = _lines(config, some, label[rows], axis, of_further)
        curves[rows] += some["offset"] + some["slope"] * middle
        noise = of_noise.standard_normal(curves[rows].shape)
        curves[rows] += some["noise_sd"] * noise
    return curves, factors, label


def _factors(config: PeaksConfig, n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """What is drawn of each curve, (n,) each; ``mixing`` is what else varies of its shape."""
    uniform = rng.uniform(size=(8, n))
    low, high = np.log(config.height)
    most = config.height[1]
    lines = config.lines[0] + np.floor(uniform[7] * (1 + config.lines[1] - config.lines[0]))
    return {
        "position": _between(config.position, uniform[0]),
        "width": _between(config.width, uniform[1]),
        "height": np.exp(low + (high - low) * uniform[2]),
        "mixing": uniform[3],
        "offset": most * config.offset * (2 * uniform[4] - 1),
        "slope": most * config.slope * (2 * uniform[5] - 1),
        "noise_sd": _between(config.noise_sd, uniform[6]),
        "lines": np.minimum(lines, config.lines[1]),
    }


def _between(ends: list[float], uniform: Floats) -> Floats:
    return ends[0] + (ends[1] - ends[0]) * uniform


def _lines(
    config: PeaksConfig,
    factors: dict[str, Floats],
    label: Ints,
    axis: Floats,
    rng: np.random.Generator,
) -> Floats:
    """The lines of curves (N, L), whose factors are (N, 1) each."""
    drawn = np.empty((len(label), len(axis)))
    most = config.lines[1] - 1
    place, height = rng.uniform(size=(2, len(label), most))
    low, high = _FURTHER
    for k, name in enumerate(config.shapes):
        rows = label == k
        of = {key: values[rows] for key, values in factors.items()}
        shape = LINE_SHAPES[name]
        drawn[rows] = shape((axis - of["position"]) / of["width"], of["mixing"])
        for i in range(most):
            at = axis[0] + np.ptp(axis) * place[rows, i, None]
            some = (low + (high - low) * height[rows, i, None]) * (of["lines"] > i + 1)
            drawn[rows] += some * shape((axis - at) / of["width"], of["mixing"])
        drawn[rows] *= of["height"]
    return drawn
