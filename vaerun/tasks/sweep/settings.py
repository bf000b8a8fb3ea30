"""Settings of a sweep, ``sweep.jobs=2`` and its like, split from the overrides of its runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from vaerun.config.groups import config_dir
from vaerun.config.schema import check, field, names
from vaerun.config.words import word
from vaerun.evaluation.metrics.catalogue import less_is_better
from vaerun.utils.errors import UserError

_GROUP = "sweep"
_WORDS = ("folder", "metric", "name")
_PLAIN = re.compile(r"[+-]?[A-Za-z0-9.]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepConfig:
    """How the trials of a sweep are run and ranked."""

    jobs: int = field("trials at a time on this machine, each a process of its own", min=1)
    metric: str = field("what the best run is best in, a path in metrics.json")
    minimise: bool | None = field("whether less of it is better; null: as its name tells")
    name: str | None = field("folder of the sweep under <out>/multirun; null: the date")
    fresh: bool = field("whether to start again although this sweep exists")
    folder: str | None = field("an existing sweep, to continue")
    trial: int | None = field("the only trial to do, from 1; null: all", min=1)

    @property
    def less_is_better(self) -> bool:
        """Whether less of the metric is better."""
        if self.minimise is not None:
            return self.minimise
        return less_is_better(self.metric) is not False


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """The overrides of a multirun: `settings` of the sweep, those of `hydra`, those of the `runs`.

    `given` has the names of the settings that were typed.
    """

    settings: SweepConfig
    given: frozenset[str]
    hydra: list[str]
    runs: list[str]


def parse_sweep(overrides: Sequence[str]) -> SweepRequest:
    """Sort the overrides of a multirun, or raise a `UserError` about those of the sweep."""
    # Hydra reads the defaults from the same file
    defaults = yaml.safe_load((config_dir() / "sweep.yaml").read_text(encoding="utf-8"))
    typed: dict[str, Any] = {}
    hydra: list[str] = []
    runs: list[str] = []
    for text in overrides:
        name, _, value = text.partition("=")
        group = name.lstrip("+~").split(".")[0].split("/")[0]
        if group == _GROUP and "." in name:
            setting = name.split(".", 1)[1]
            typed[setting] = _word(value) if setting in _WORDS else _value(value)
        else:
            (hydra if group == "hydra" else runs).append(text)
    values = {name: defaults[name] for name in names(SweepConfig)} | typed
    settings = check(SweepConfig, values, _GROUP)
    _check(settings, bool(hydra), runs)
    return SweepRequest(settings=settings, given=frozenset(typed), hydra=hydra, runs=runs)


def _word(text: str) -> str | None:
    """A name or path, as it is or in quotes; None for null."""
    return None if text.lower() == "null" else word(text)


def _value(text: str) -> Any:
    """Parse a number, true, false or null; any other text stays as it is."""
    if not _PLAIN.fullmatch(text):  # YAML makes numbers of 1_0 and of 1:30
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, int | float) else text


def _check(settings: SweepConfig, through_hydra: bool, runs: Sequence[str]) -> None:
    """Raise on settings that contradict each other."""
    metric, folder = settings.metric, settings.folder
    if settings.minimise is None and less_is_better(metric) is None:
        raise UserError(
            f"sweep.metric={metric}: its name does not tell whether less is better",
            "add sweep.minimise=true or sweep.minimise=false",
        )
    if settings.name is not None and ("/" in settings.name or settings.name[:1] in ("", ".")):
        raise UserError(
            f"sweep.name={settings.name} cannot be the name of a folder",
            "give a word, such as sweep.name=first",
        )
    if folder is not None and runs:
        raise UserError(
            f"sweep.folder={folder} has its trials already, {runs[0]} adds to them",
            "leave one of them out",
        )
    if settings.fresh and (folder is not None or settings.trial is not None):
        other = "sweep.trial" if folder is None else "sweep.folder"
        raise UserError(
            f"sweep.fresh=true starts again, {other} continues", "leave one of them out"
        )
    if through_hydra and settings.jobs > 1:
        raise UserError(
            f"sweep.jobs={settings.jobs} is of no use to a launcher of Hydra's",
            "leave it out, or the hydra/launcher",
        )
