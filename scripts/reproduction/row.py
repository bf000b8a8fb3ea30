"""One result that is reproduced: an experiment, and the measures of its runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One number of `metrics.json`, the paper's value and the target.

    Attributes
    ----------
    path
        Keys with dots between; a list is reduced by ``:min``, ``:max`` or ``:mean`` at the end.
        A list of ``angle`` is reduced over asymmetric classes alone by ``[asymmetric]`` before
        that, as in ``angle.resultant[asymmetric]:min``.
    unit, digits
        Unit and decimals of its text; a share with the unit ``%`` is shown times 100.
    target, direction
        The value over seeds should be ``>=`` or ``<=`` this; None if it is only reported.
    over
        How the values of all seeds become one: their ``mean``, ``min`` or ``max``.
    """

    title: str
    path: str
    unit: str = ""
    digits: int = 2
    paper: str = "–"
    target: float | None = None
    direction: str = ">="
    over: str = "mean"


@dataclass(frozen=True)
class Row:
    """One result: an experiment, with one run a seed, and the measures of its runs.

    Attributes
    ----------
    experiment
        The preset; None where ``overrides`` say all.
    overrides
        Those of every run.
    overrides_of
        Further overrides of the run of a seed, for images that differ in kind from seed to seed.
    """

    name: str
    experiment: str | None
    measures: tuple[Measure, ...]
    n_seeds: int = 3
    overrides: tuple[str, ...] = ()
    overrides_of: Callable[[int], tuple[str, ...]] | None = None

    def words(self, seed: int) -> list[str]:
        """All overrides of the run of a seed."""
        by_seed = self.overrides_of(seed) if self.overrides_of else ()
        preset = [f"experiment={self.experiment}"] if self.experiment else []
        return [*preset, *self.overrides, *by_seed, f"seed={seed}"]
