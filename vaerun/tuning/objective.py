"""What a study makes best: a number in the metrics of a run, and which way is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vaerun.analysis.compare import Finished, known_metrics, metric_of
from vaerun.config import RunConfig
from vaerun.errors import UserError
from vaerun.faults import nearest
from vaerun.tasks.config import TuneConfig

LABEL_FREE = "label_free"
_LESS = ("elbo", "train", "angle")  # first words of metrics of which less is better
_MORE = (
    "score",
    "accuracy",
    "majority",
    "hungarian",
    "ari",
    "nmi",
    "resultant",
    "signed_resultant",
    "pearson",
    "gain_db",
    "output_db",
    "r2_within_class",
    "knn_accuracy",
    "sublattice_accuracy",
    "defect_auc",
    "images_per_second",
)  # fmt: skip - last words of those of which more is


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A path in `metrics.json`, and whether less of it is better."""

    path: str
    less_is_better: bool

    def of(self, metrics: Mapping[str, Any]) -> float:
        """The number, or a `UserError` that names the likeliest one meant."""
        value = metric_of(metrics, self.path)
        if value is None:
            known = known_metrics([Finished(name="", config={}, metrics=metrics)])
            raise UserError(
                f"task.objective={self.path} is not in the metrics of these runs",
                f"did you mean {nearest(self.path, known)}",
            )
        return value


def objective_of(config: RunConfig) -> Objective:
    """What a study of this config makes best.

    Raises
    ------
    UserError
        If the name does not tell which way is better, or the model finds no classes to judge.
    """
    task = config.task
    assert isinstance(task, TuneConfig)
    finds_classes = config.model.name == "jrvae"
    name = task.objective or (LABEL_FREE if finds_classes else "elbo.loss")
    if name == LABEL_FREE:
        if not finds_classes:
            raise UserError(
                f"task.objective={LABEL_FREE} judges classes found without labels, "
                f"model={config.model.name} finds none",
                "use model=jrvae, or task.objective=elbo.loss",
            )
        name = f"{LABEL_FREE}.score"
    words = name.split(".")
    less = task.minimise
    if less is None:
        if words[-1] not in _MORE and words[0] not in _LESS:
            raise UserError(
                f"task.objective={name}: its name does not tell whether less is better",
                "add task.minimise=true or task.minimise=false",
            )
        less = words[-1] not in _MORE
    return Objective(path=name, less_is_better=less)
