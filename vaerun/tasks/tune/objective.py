"""The metric that a study optimises, and whether less of it is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vaerun.config.task import TuneConfig
from vaerun.evaluation.metrics.catalogue import less_is_better
from vaerun.evaluation.run_comparison import FinishedRun, known_metrics, metric_of
from vaerun.runs.config import RunConfig
from vaerun.utils.errors import UserError, closest

LABEL_FREE, REWARD = "label_free", "reward"


@dataclass(frozen=True, kw_only=True)
class TuningObjective:
    """A path in `metrics.json`, and whether less of it is better."""

    path: str
    less_is_better: bool

    @property
    def is_reward(self) -> bool:
        """Whether it is the reward: then the loss of a trial that is on its way says little."""
        return self.path == f"{REWARD}.score"

    def value(self, metrics: Mapping[str, Any]) -> float:
        """The metric's value; a `UserError` names the closest metric if it is missing."""
        value = metric_of(metrics, self.path)
        if value is None:
            known = known_metrics([FinishedRun(name="", config={}, metrics=metrics)])
            raise UserError(
                f"task.objective={self.path} is not in the metrics of these runs",
                f"did you mean {closest(self.path, known)}",
            )
        return value


def objective_of(config: RunConfig) -> TuningObjective:
    """The objective of a study with this config.

    Raises
    ------
    UserError
        If the direction of the metric is unknown, or the model has no unsupervised classes.
    """
    task = config.task
    assert isinstance(task, TuneConfig)
    finds_classes = config.model.name == "jrvae"
    name = task.objective or (LABEL_FREE if finds_classes else "elbo.loss")
    if name == LABEL_FREE and not finds_classes:
        raise UserError(
            f"task.objective={LABEL_FREE} judges classes found without labels, "
            f"model={config.model.name} finds none",
            "use model=jrvae, or task.objective=reward",
        )
    if name in (LABEL_FREE, REWARD):
        name = f"{name}.score"
    less = less_is_better(name) if task.minimise is None else task.minimise
    if less is None:
        raise UserError(
            f"task.objective={name}: its name does not tell whether less is better",
            "add task.minimise=true or task.minimise=false",
        )
    return TuningObjective(path=name, less_is_better=less)


def usual_space(model: str, objective: TuningObjective) -> str:
    """The search space of a model: that of what it is made of for the reward, else of training."""
    return f"{model}_{REWARD}" if objective.is_reward else model
