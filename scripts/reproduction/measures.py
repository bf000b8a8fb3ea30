"""The value of a measure in the metrics of a run, and its text."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from reproduction.row import Measure
from vaerun.evaluation.headline import not_none

Reduction = Callable[[list[float]], float]
REDUCTIONS: dict[str, Reduction] = {"min": min, "max": max, "mean": statistics.mean}
SIGNS = {">=": "≥", "<=": "≤"}
SHOWN = {"": (1, ""), "%": (100, " %"), "°": (1, "°"), "dB": (1, " dB")}  # unit → factor, suffix


def extract(metrics: Mapping[str, Any], path: str) -> float | None:
    """The number at a path such as ``angle.resultant:min``, None where there is none.

    Examples
    --------
    >>> angle = {"resultant": [0.9, None, 0.7], "symmetry": [1, 1, 2]}
    >>> extract({"angle": angle}, "angle.resultant:min")
    0.7
    >>> extract({"angle": angle}, "angle.resultant[asymmetric]:min")
    0.9
    """
    keys, _, reduction = path.partition(":")
    keys, asymmetric, _ = keys.partition("[asymmetric]")
    found: Any = metrics
    for key in keys.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if asymmetric and found is not None:
        orders = metrics["angle"]["symmetry"]
        found = [value for value, order in zip(found, orders, strict=True) if order == 1]
    if reduction:
        numbers = not_none(found)
        found = REDUCTIONS[reduction](numbers) if numbers else None
    return None if found is None else float(found)


def shown(measure: Measure, value: float | None, *, unit: bool = True) -> str:
    """A value with the digits and unit of its measure."""
    if value is None:
        return "–"
    factor, suffix = SHOWN[measure.unit]
    number = f"{factor * value:.{measure.digits}f}".replace("-", "−")
    return number + suffix if unit else number


def goal(measure: Measure) -> str:
    """The target of a measure, such as ``≥ 99 %``."""
    if measure.target is None:
        return "–"
    factor, suffix = SHOWN[measure.unit]
    return f"{SIGNS[measure.direction]} {factor * measure.target:g}{suffix}"
