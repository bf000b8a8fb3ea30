"""Several runs side by side: what differs between them, and the spread over seeds.

Runs whose configs differ in nothing but the seed are a group, and a row of the table.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaerun.evaluation.metrics.catalogue import METRIC_LABELS
from vaerun.utils.errors import format_value
from vaerun.utils.format import format_significant

Plain = Mapping[str, Any]

_INCIDENTAL = ("seed", "out", "resume", "run")
_INCIDENTAL_KEYS = (
    "trainer.progress",
    "trainer.checkpoint_minutes",
    "trainer.devices",
    "trainer.accelerator",
    "data.root",
)
_FIRST = ("task.name", "model.name", "data.name")  # which make all the other keys differ


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A finished run as it is compared.

    Attributes
    ----------
    name
        Its folder, in short.
    config, metrics
        Its `config.yaml` and `metrics.json`.
    """

    name: str
    config: Plain
    metrics: Plain


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes
    ----------
    settings
        Value of each key in which the groups differ, as one would type it.
    runs
        In the order given.
    """

    settings: Mapping[str, str]
    runs: Sequence[FinishedRun]

    @property
    def title(self) -> str:
        """Its settings on one line; of a single group its model and data."""
        said = ", ".join(
            f"{key.removesuffix('.name')}={value}" for key, value in self.settings.items()
        )
        config = self.runs[0].config
        return said or f"{config['model']['name']} on {config['data']['name']}"

    def values(self, metric: str) -> list[float]:
        """Of the runs that have this metric."""
        found = (metric_of(run.metrics, metric) for run in self.runs)
        return [value for value in found if value is not None]


def grouped(runs: Sequence[FinishedRun]) -> list[Group]:
    """The groups of some runs, in the order of their first ones.

    A key that differs only because another does is left out: all settings of a model differ where
    its name does, so only the name is told.
    """
    flat = [_flat(run.config) for run in runs]
    keys = [key for key in dict.fromkeys(key for one in flat for key in one)
            if len({format_value(one.get(key, "–")) for one in flat}) > 1]  # fmt: skip
    told = _telling(keys, flat)
    members: dict[tuple[str, ...], list[int]] = {}
    for i, one in enumerate(flat):
        members.setdefault(tuple(format_value(one.get(key, "–")) for key in keys), []).append(i)
    return [
        Group(
            settings={key: format_value(flat[some[0]].get(key, "–")) for key in told},
            runs=[runs[i] for i in some],
        )
        for some in members.values()
    ]


def _telling(keys: Sequence[str], flat: Sequence[Plain]) -> list[str]:
    """As few of the keys as tell the runs apart, names of models and data first."""
    order = sorted(keys, key=lambda key: (key not in _FIRST, keys.index(key)))
    order = [key for key in order if key != "data.kind"]
    told: list[str] = []
    for key in order:
        if _parts(flat, [*told, key]) > _parts(flat, told):
            told.append(key)
    return told


def _parts(flat: Sequence[Plain], keys: Sequence[str]) -> int:
    """Into how many groups some keys divide the runs."""
    return len({tuple(format_value(one.get(key, "–")) for key in keys) for one in flat})


def _flat(config: Plain, prefix: str = "") -> dict[str, Any]:
    """Keys with dots between, less those that do not change a result."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{key}.")
        elif key not in (*_INCIDENTAL, *_INCIDENTAL_KEYS):
            found[key] = value
    return found


def metric_of(metrics: Plain, path: str) -> float | None:
    """The number at a path such as ``elbo.loss``; of a list the mean of what is known of it."""
    found: Any = metrics
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if isinstance(found, list):
        numbers = [v for v in found if isinstance(v, int | float)]
        found = statistics.mean(numbers) if numbers else None
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number and math.isfinite(found) else None


def known_metrics(runs: Sequence[FinishedRun]) -> list[str]:
    """Every metric that any of the runs has, with dots between, sorted."""
    names = {key for run in runs for key in _flat(run.metrics)}
    return sorted(
        name for name in names if any(metric_of(r.metrics, name) is not None for r in runs)
    )


def labelled_metrics(runs: Sequence[FinishedRun]) -> list[str]:
    """The metrics of `METRIC_LABELS` that any of the runs has."""
    known = known_metrics(runs)
    return [name for name in METRIC_LABELS if name in known]


def values_by_label(
    groups: Sequence[Group], metrics: Sequence[str]
) -> dict[str, list[list[float]]]:
    """Label of each metric → its values in the runs of each group."""
    return {METRIC_LABELS.get(m, m): [group.values(m) for group in groups] for m in metrics}


def exact(value: float | None) -> str:
    """A metric with ten digits for a CSV file; empty where a run lacks it."""
    return "" if value is None else f"{value:.10g}"


def mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the sample; None where there are too few."""
    mean = statistics.mean(values) if values else None
    return mean, statistics.stdev(values) if len(values) > 1 else None


def cell(values: Sequence[float]) -> str:
    """Mean ± spread as people read it."""
    mean, spread = mean_and_spread(values)
    if mean is None:
        return "–"
    return format_significant(mean, 4) + (
        "" if spread is None else f" ± {format_significant(spread, 2)}"
    )


def table(groups: Sequence[Group], metrics: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what differs, the number of runs, and each metric."""
    keys = list(groups[0].settings)
    measured = [METRIC_LABELS.get(metric, metric) for metric in metrics]
    settings = [key.removesuffix(".name") for key in keys]
    head = [*(settings or ["runs of"]), "runs", *measured]
    rows = [
        [
            *(group.settings.values() if keys else [group.title]),
            str(len(group.runs)),
            *(cell(group.values(metric)) for metric in metrics),
        ]
        for group in groups
    ]
    return head, rows
