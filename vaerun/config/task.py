"""The keys of each task."""

from dataclasses import dataclass

from vaerun.config.schema import field


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """The key that all tasks have."""

    name: str = field("which task")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeConfig(TaskConfig):
    """How encodings are written."""

    csv: bool = field("whether to write latents.csv too")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareConfig(TaskConfig):
    """Which metrics of the runs are compared."""

    metrics: list[str] | None = field(
        "metrics to show, as in [knn_accuracy,elbo.loss]; null: those that the runs share"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneConfig(TaskConfig):
    """The search space, the length and the objective of a study."""

    n_trials: int = field(
        "trials of the study, by all its workers together", min=1, affects="nothing"
    )
    objective: str | None = field(
        "metric to optimise: a path in metrics.json, reward or label_free; null: label_free for "
        "jrvae, else elbo.loss"
    )
    minimise: bool | None = field("whether less of it is better; null: by its name")
    space: str | None = field(
        "search space: a name in conf/search or a YAML file; null: <model>, or <model>_reward for "
        "the reward"
    )
    prune: bool = field("whether to end trials whose validation loss lags behind")
    prune_after: float = field("share of the epochs before a trial can be ended", min=0, max=1)


# `task.name` → the dataclass of its keys; the functions are in `vaerun.tasks.registry.TASKS`
CONFIGS: dict[str, type[TaskConfig]] = {
    "train": TaskConfig,
    "evaluate": TaskConfig,
    "encode": EncodeConfig,
    "compare": CompareConfig,
    "tune": TuneConfig,
    "atoms": TaskConfig,
}
OF_RUNS = ("evaluate", "encode", "compare")  # tasks that take finished runs by run=
