"""What vaerun has Optuna do: the next setting to try, when to give one up, what has mattered.

The only place that imports Optuna; without it, importing this is the user's error.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vaerun.tasks.tune.search_space import Choices, Range, Space
from vaerun.utils.errors import UserError

if TYPE_CHECKING:
    from optuna.study import Study


try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.pruners import BasePruner, MedianPruner, NopPruner
    from optuna.samplers import TPESampler
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, Trial, TrialState
except ImportError as error:
    raise UserError(
        "task=tune needs Optuna, which is not installed", "pip install 'vaerun[tune]'"
    ) from error


__all__ = [
    "FrozenTrial",
    "Trial",
    "TrialState",
    "distributions",
    "importance",
    "opened",
    "sampler",
]

_RANDOM_FIRST = 8  # trials before the sampler trusts what it has seen
_TO_COMPARE = 4  # trials before any is given up

optuna.logging.set_verbosity(optuna.logging.ERROR)


def opened(journal: Path, *, less_is_better: bool, prune_from: int | None) -> "Study":
    """The study that a file holds, a new one if there is none.

    Parameters
    ----------
    journal
        The file.
    less_is_better
        Of the objective.
    prune_from
        Epoch from which a trial may be given up; None: never.
    """
    pruner: BasePruner = NopPruner()
    if prune_from is not None:
        pruner = MedianPruner(n_startup_trials=_TO_COMPARE, n_warmup_steps=prune_from)
    return optuna.create_study(
        study_name="vaerun",
        storage=JournalStorage(JournalFileBackend(str(journal))),
        direction="minimize" if less_is_better else "maximize",
        pruner=pruner,
        load_if_exists=True,
    )


def sampler(seed: int, n_asked: int) -> TPESampler:
    """One whose choice depends on a seed and on the trials so far, and on nothing else."""
    state = int(np.random.SeedSequence((seed, n_asked)).generate_state(1)[0])
    return TPESampler(seed=state, n_startup_trials=_RANDOM_FIRST)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """A space in Optuna's words."""
    return {key: _distribution(dimension) for key, dimension in space.items()}


def _distribution(dimension: Range | Choices) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    if dimension.is_whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def importance(study: "Study") -> dict[str, float]:
    """What share in the spread of the good values each key has."""
    return optuna.importance.get_param_importances(study)
