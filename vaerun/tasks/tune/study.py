"""Optuna's study in a folder, shared by any number of workers, each a process.

<out>/tune/<model>_<data>/study_<8 digits of its config>/
  journal.log          all that Optuna knows: trials, values, losses by epoch
  study.lock           held while a worker decides what to do next
  workers/*.lock       one for each worker, held for as long as it lives
  trials/000/          the run folder of a trial

A worker that dies lets go of its lock, so the trial that it was at is known to be nobody's: the
next worker fails it and puts the same setting first in line, in the same run folder, where
training goes on from its last checkpoint.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vaerun.runs.folder import RunFolder
from vaerun.tasks.tune import engine
from vaerun.tasks.tune.engine import FrozenTrial, Trial, TrialState
from vaerun.tasks.tune.objective import Objective
from vaerun.tasks.tune.search_space import Space, Value
from vaerun.utils.files import file_lock, is_held


class Study:
    """A study, as one of its workers sees it; to be entered before trials are asked for.

    Parameters
    ----------
    folder
        Of the study.
    space
        What is searched.
    objective
        What is made best.
    seed
        Of the choice of settings: with one worker the study is a function of it.
    n_trials
        Of all workers.
    prune_from
        Epoch from which a trial may be ended early; None: never.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        objective: Objective,
        *,
        seed: int,
        n_trials: int,
        prune_from: int | None,
    ) -> None:
        self.folder = folder
        self.space = space
        self.objective = objective
        self.seed = seed
        self.n_trials = n_trials
        self.prune_from = prune_from
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._held = contextlib.ExitStack()

    def __enter__(self) -> "Study":
        (self.folder / "workers").mkdir(parents=True, exist_ok=True)
        self._held.enter_context(file_lock(self._lock_of(self._worker)))
        with self._deciding():
            self.optuna = engine.opened(
                self.folder / "journal.log",
                less_is_better=self.objective.less_is_better,
                prune_from=self.prune_from,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._lock_of(self._worker).unlink(missing_ok=True)
        self._held.close()

    def begin_with(self, values: Mapping[str, Value]) -> None:
        """Let a setting be the first trial, unless there has been one."""
        with self._deciding():
            if values and not self.trials:
                self.optuna.enqueue_trial(dict(values), user_attrs={"is_preset": True})

    def next(self) -> Trial | None:
        """The next trial, this worker's from now on; None if there are enough."""
        with self._deciding():
            for lost in self.running:
                if not self._is_alive(lost):
                    self._replace(lost)
            if len(self.settings) >= self.n_trials:
                return None
            number = 1 + max((t.user_attrs.get("number", -1) for t in self.trials), default=-1)
            self.optuna.sampler = engine.sampler(self.seed, len(self.trials))
            trial = self.optuna.ask(engine.distributions(self.space))
            trial.set_user_attr("worker", self._worker)
            trial.set_user_attr("number", trial.user_attrs.get("number", number))
            return trial

    def tell(self, trial: Trial, value: float, *, was_pruned: bool) -> None:
        """Say what came of a trial; one that was ended early has no value."""
        if was_pruned:
            self.optuna.tell(trial, state=TrialState.PRUNED)
        else:
            self.optuna.tell(trial, value)

    def fail(self, trial: Trial, fault: str) -> None:
        """Say that a trial came to nothing, and why; it counts as tried."""
        trial.set_user_attr("fault", " ".join(fault.split())[:500])
        self.optuna.tell(trial, state=TrialState.FAIL)

    def give_back(self, trial: Trial) -> None:
        """Let some worker go on with a trial that this one cannot end."""
        with self._deciding():
            self._replace(next(t for t in self.trials if t.number == trial.number))

    def _replace(self, trial: FrozenTrial) -> None:
        """Fail a trial, and put the same setting in line, to go on in the same folder."""
        kept = {k: v for k, v in trial.user_attrs.items() if k in ("number", "is_preset")}
        losses = {str(epoch): loss for epoch, loss in trial.intermediate_values.items()}
        told: dict[str, Any] = {"replaces": trial.number, "losses": losses, **kept}
        if trial.number not in self._replaced:  # by one who died before the next line
            self.optuna.enqueue_trial(trial.params, user_attrs=told)
        self.optuna.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All that were ever begun or are in line, also those that were replaced."""
        return self.optuna.get_trials(deepcopy=False)

    @property
    def settings(self) -> list[FrozenTrial]:
        """The trials that count: the last one of each setting that was begun.

        One that was asked for this instant has no number yet.
        """
        begun = [t for t in self.trials if t.state is not TrialState.WAITING]
        gone = self._replaced
        return [t for t in begun if "number" in t.user_attrs and t.number not in gone]

    @property
    def _replaced(self) -> set[int | None]:
        """Numbers of the trials whose setting is in line once more, or was."""
        return {t.user_attrs.get("replaces") for t in self.trials}

    @property
    def running(self) -> list[FrozenTrial]:
        """Those that a worker is at, or was when it died."""
        return [t for t in self.trials if t.state is TrialState.RUNNING]

    @property
    def n_done(self) -> int:
        """Settings that have been tried, to their end or not."""
        return sum(t.state is not TrialState.RUNNING for t in self.settings)

    @property
    def complete(self) -> list[FrozenTrial]:
        """Those with a value."""
        return [t for t in self.settings if t.state is TrialState.COMPLETE]

    @property
    def best(self) -> FrozenTrial | None:
        """The best of them; the first of equals."""
        sign = 1 if self.objective.less_is_better else -1
        return min(self.complete, key=lambda t: sign * (t.value or 0.0), default=None)

    def run_folder(self, trial: Trial | FrozenTrial) -> RunFolder:
        """Where a trial is kept."""
        return RunFolder(self.folder / "trials" / f"{trial.user_attrs['number']:03}")

    def _lock_of(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def _is_alive(self, trial: FrozenTrial) -> bool:
        """Whether the worker that a trial belongs to lives."""
        path = self._lock_of(trial.user_attrs.get("worker", ""))
        return path.exists() and is_held(path)

    @contextlib.contextmanager
    def _deciding(self) -> Iterator[None]:
        """Nobody else decides meanwhile."""
        with file_lock(self.folder / "study.lock"):
            yield
