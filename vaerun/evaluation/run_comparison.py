"""Finished runs side by side: the settings that differ, mean and spread of metrics over seeds.

Runs whose configs differ in nothing but the seed are a group, and a row of the table.
"""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaerun.config.schema import without
from vaerun.evaluation.metrics.catalogue import COMPARED, label_of
from vaerun.utils.errors import format_value
from vaerun.utils.format import format_significant

Plain = Mapping[str, Any]

_FIRST = ("task.name", "model.name", "data.name")  # where these differ, other keys do, too


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """Folder name, `config.yaml` and `metrics.json` of a finished run."""

    name: str
    config: Plain
    metrics: Plain


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes
    ----------
    settings
        Value of each key in which the groups differ, as typed on the command line.
    runs
        The group's runs in the order given.
    """

    settings: Mapping[str, str]
    runs: Sequence[FinishedRun]

    @property
    def title(self) -> str:
        """The group's settings on one line; without any, its model and data."""
        settings = ", ".join(
            f"{key.removesuffix('.name')}={value}" for key, value in self.settings.items()
        )
        config = self.runs[0].config
        return settings or f"{config['model']['name']} on {config['data']['name']}"

    def values(self, metric: str) -> list[float]:
        """Value of a metric in each run that has it."""
        numbers = (metric_of(run.metrics, metric) for run in self.runs)
        return [value for value in numbers if value is not None]


def grouped(runs: Sequence[FinishedRun], incidental: Collection[str]) -> list[Group]:
    """Groups of the runs, in the order of the first run of each.

    A key that differs only because another does is left out of the settings: where the name of a
    model differs, all its keys do.

    Parameters
    ----------
    runs
        At least one.
    incidental
        Full names of keys that change no result, so that runs of one group may differ in them.
    """
    flat = [_flat(without(run.config, {"seed", *incidental})) for run in runs]
    keys = _differing(flat)
    shown = _separating_keys(keys, flat)
    members: dict[tuple[str, ...], list[int]] = {}
    for i, one in enumerate(flat):
        members.setdefault(tuple(format_value(one.get(key, "–")) for key in keys), []).append(i)
    return [
        Group(
            settings={key: format_value(flat[some[0]].get(key, "–")) for key in shown},
            runs=[runs[i] for i in some],
        )
        for some in members.values()
    ]


def differing_settings(
    runs: Sequence[FinishedRun], incidental: Collection[str]
) -> list[dict[str, str]]:
    """For each run its value, as typed, of every key in which any of them differ, seed included.

    Keys in ``incidental`` and those that a run does not have are left out.
    """
    flat = [_flat(without(run.config, incidental)) for run in runs]
    keys = [key for key in _differing(flat) if key != "data.kind"]
    return [{key: format_value(one[key]) for key in keys if key in one} for one in flat]


def _differing(flat: Sequence[Plain]) -> list[str]:
    """Keys in which flat configs differ, in the order of the configs."""
    return [key for key in dict.fromkeys(key for one in flat for key in one)
            if len({format_value(one.get(key, "–")) for one in flat}) > 1]  # fmt: skip


def _separating_keys(keys: Sequence[str], flat: Sequence[Plain]) -> list[str]:
    """As few of the keys as separate all groups, names of models and data first."""
    order = sorted(keys, key=lambda key: (key not in _FIRST, keys.index(key)))
    order = [key for key in order if key != "data.kind"]
    chosen: list[str] = []
    for key in order:
        if _n_groups(flat, [*chosen, key]) > _n_groups(flat, chosen):
            chosen.append(key)
    return chosen


def _n_groups(flat: Sequence[Plain], keys: Sequence[str]) -> int:
    """Number of groups into which some keys divide the runs."""
    return len({tuple(format_value(one.get(key, "–")) for key in keys) for one in flat})


def _flat(config: Plain, prefix: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{key}.")
        else:
            flat[key] = value
    return flat


def metric_of(metrics: Plain, path: str) -> float | None:
    """Number at a path such as ``elbo.loss``; of a list, the mean of its numbers."""
    value: Any = metrics
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        numbers = [v for v in value if isinstance(v, int | float)]
        value = statistics.mean(numbers) if numbers else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def known_metrics(runs: Sequence[FinishedRun]) -> list[str]:
    """Dotted paths of all metrics that any of the runs has, sorted."""
    names = {key for run in runs for key in _flat(run.metrics)}
    return sorted(
        name for name in names if any(metric_of(r.metrics, name) is not None for r in runs)
    )


def labelled_metrics(runs: Sequence[FinishedRun]) -> list[str]:
    """The metrics of `COMPARED` that any of the runs has."""
    known = known_metrics(runs)
    return [name for name in COMPARED if name in known]


def values_by_label(
    groups: Sequence[Group], metrics: Sequence[str]
) -> dict[str, list[list[float]]]:
    """Label of each metric → its values in the runs of each group."""
    return {label_of(m): [group.values(m) for group in groups] for m in metrics}


def exact(value: float | None) -> str:
    """A metric with ten digits for a CSV file; empty where a run lacks it."""
    return "" if value is None else f"{value:.10g}"


def mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the sample; None where there are too few."""
    mean = statistics.mean(values) if values else None
    return mean, statistics.stdev(values) if len(values) > 1 else None


def cell(values: Sequence[float]) -> str:
    """Mean ± standard deviation of a sample as text."""
    if not values:
        return "–"
    mean = format_significant(statistics.mean(values), 4)
    return f"{mean} ± {format_significant(statistics.stdev(values), 2)}" if values[1:] else mean


def table(groups: Sequence[Group], metrics: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table: settings that differ, number of runs, each metric."""
    keys = list(groups[0].settings)
    measured = [label_of(metric) for metric in metrics]
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
