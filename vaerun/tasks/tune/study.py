"""An Optuna study in a folder, shared by any number of worker processes.

<out>/tune/<model>_<data>/study_<8 digits of its config>/
  journal.log          Optuna's journal: trials, values, losses by epoch
  study.lock           held while a worker decides what to do next
  workers/*.lock       one for each worker, held for as long as it lives
  trials/000/          the run folder of a trial

The system releases the lock of a worker that dies, which marks its running trial as lost. The
next worker fails that trial and queues the same setting first, in the same run folder, where
training continues from its last checkpoint.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from vaerun.runs.folder import RunFolder
from vaerun.tasks.tune.objective import TuningObjective
from vaerun.tasks.tune.search_space import Choices, Range, Space, Value, all_settings
from vaerun.utils.files import file_lock, is_held

_RANDOM_TRIALS = 8  # drawn at random before TPE models the values
_PRUNE_AFTER = 4  # trials that must end before any is pruned


@dataclass(kw_only=True)
class SharedStudy:
    """A study as one of its workers sees it; enter it before asking for trials.

    Attributes
    ----------
    seed
        Seed of the sampler: with one worker the study is a function of it.
    n_trials
        Trials of all workers together.
    prune_from
        Epoch from which a trial may be pruned; None: never.
    """

    folder: Path
    space: Space
    objective: TuningObjective
    seed: int
    n_trials: int
    prune_from: int | None

    def __post_init__(self) -> None:
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._lifetime = contextlib.ExitStack()

    def __enter__(self) -> Self:
        (self.folder / "workers").mkdir(parents=True, exist_ok=True)
        self._lifetime.enter_context(file_lock(self._lock_of(self._worker)))
        pruner = (
            NopPruner()
            if self.prune_from is None
            else MedianPruner(n_startup_trials=_PRUNE_AFTER, n_warmup_steps=self.prune_from)
        )
        with self._deciding():
            self.optuna = optuna.create_study(
                study_name="vaerun",
                storage=JournalStorage(JournalFileBackend(str(self.folder / "journal.log"))),
                direction="minimize" if self.objective.less_is_better else "maximize",
                pruner=pruner,
                load_if_exists=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._lock_of(self._worker).unlink(missing_ok=True)
        self._lifetime.close()

    def enqueue_preset(self, values: Mapping[str, Value]) -> None:
        """Make a setting the first trial, unless the study has trials."""
        with self._deciding():
            if values and not self.trials:
                self.optuna.enqueue_trial(dict(values), user_attrs={"is_preset": True})

    def next(self) -> Trial | None:
        """Assign the next trial to this worker; None if there are enough."""
        with self._deciding():
            for running in self.running:
                if not self._is_alive(running):
                    self._replace(running)
            if len(self.settings) >= self.n_trials or not self._enqueue_untried():
                return None
            number = 1 + max((t.user_attrs.get("number", -1) for t in self.trials), default=-1)
            # a seed for each trial: choices depend on nothing but the seed and earlier trials
            seeds = np.random.SeedSequence((self.seed, len(self.trials)))
            self.optuna.sampler = TPESampler(
                seed=int(seeds.generate_state(1)[0]), n_startup_trials=_RANDOM_TRIALS
            )
            trial = self.optuna.ask({key: _distribution(d) for key, d in self.space.items()})
            trial.set_user_attr("worker", self._worker)
            trial.set_user_attr("number", trial.user_attrs.get("number", number))
            return trial

    def _enqueue_untried(self) -> bool:
        """Queue a setting, by chance, of a space that can be tried whole; False if all were.

        A queue that has trials is left as it is, and so are spaces with more settings than trials,
        which the sampler searches.
        """
        every = all_settings(self.space, self.n_trials)
        if every is None or any(t.state is TrialState.WAITING for t in self.trials):
            return True
        tried = [t.params for t in self.trials]
        untried = [setting for setting in every if setting not in tried]
        if untried:
            chance = np.random.default_rng((self.seed, len(self.trials)))
            self.optuna.enqueue_trial(untried[chance.integers(len(untried))])
        return bool(untried)

    def complete_trial(self, trial: Trial, value: float, *, was_pruned: bool) -> None:
        """Record the value of a trial; a pruned one has none."""
        if was_pruned:
            self.optuna.tell(trial, state=TrialState.PRUNED)
        else:
            self.optuna.tell(trial, value)

    def fail(self, trial: Trial, fault: str) -> None:
        """Record that a trial failed, and why; it counts as tried."""
        trial.set_user_attr("fault", " ".join(fault.split())[:500])
        self.optuna.tell(trial, state=TrialState.FAIL)

    def give_back(self, trial: Trial) -> None:
        """Queue a trial that this worker cannot end, for any worker to continue."""
        with self._deciding():
            self._replace(next(t for t in self.trials if t.number == trial.number))

    def _replace(self, trial: FrozenTrial) -> None:
        """Fail a trial, and queue the same setting to continue in the same folder."""
        attributes: dict[str, Any] = {
            "replaces": trial.number,
            "losses": {str(epoch): loss for epoch, loss in trial.intermediate_values.items()},
            **{k: v for k, v in trial.user_attrs.items() if k in ("number", "is_preset")},
        }
        # already queued if another worker died between the next two statements
        if trial.number not in self._replaced:
            self.optuna.enqueue_trial(trial.params, user_attrs=attributes)
        self.optuna.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials of Optuna, queued and replaced ones included."""
        return self.optuna.get_trials(deepcopy=False)

    @property
    def settings(self) -> list[FrozenTrial]:
        """The trials that count: the last one of each setting that was started.

        A trial has no number for a moment after another worker has asked for it.
        """
        started = [t for t in self.trials if t.state is not TrialState.WAITING]
        replaced = self._replaced
        return [t for t in started if "number" in t.user_attrs and t.number not in replaced]

    @property
    def _replaced(self) -> set[int | None]:
        """Optuna's numbers of the trials whose setting was queued again."""
        return {t.user_attrs.get("replaces") for t in self.trials}

    @property
    def running(self) -> list[FrozenTrial]:
        """Trials that a worker is training, or was when it died."""
        return [t for t in self.trials if t.state is TrialState.RUNNING]

    @property
    def n_done(self) -> int:
        """Number of settings that completed, were pruned or failed."""
        return sum(t.state is not TrialState.RUNNING for t in self.settings)

    @property
    def complete(self) -> list[FrozenTrial]:
        """Trials with a value."""
        return [t for t in self.settings if t.state is TrialState.COMPLETE]

    @property
    def best(self) -> FrozenTrial | None:
        """The trial with the best value, the first of equals."""
        sign = 1 if self.objective.less_is_better else -1
        return min(self.complete, key=lambda t: sign * (t.value or 0.0), default=None)

    def run_folder(self, trial: Trial | FrozenTrial) -> RunFolder:
        """The run folder of a trial."""
        return RunFolder(self.folder / "trials" / f"{trial.user_attrs['number']:03}")

    def _lock_of(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def _is_alive(self, trial: FrozenTrial) -> bool:
        """Whether the worker of a trial is alive."""
        path = self._lock_of(trial.user_attrs.get("worker", ""))
        return path.exists() and is_held(path)

    @contextlib.contextmanager
    def _deciding(self) -> Iterator[None]:
        """Keep other workers from changing the list of trials."""
        with file_lock(self.folder / "study.lock"):
            yield


def _distribution(dimension: Range | Choices) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    if dimension.is_integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
