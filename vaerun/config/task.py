"""The keys of each task, beside those of every run."""

from dataclasses import dataclass

from vaerun.config.schema import field


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """What to do; each task that needs more adds its keys."""

    name: str = field("which task")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeConfig(TaskConfig):
    """How encodings are written."""

    csv: bool = field("whether to write latents.csv too")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareConfig(TaskConfig):
    """What of the runs is compared."""

    metrics: list[str] | None = field(
        "metrics to show, as in [knn_accuracy,elbo.loss]; null: those that the runs share"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneConfig(TaskConfig):
    """What is searched, how long, and for what."""

    n_trials: int = field(
        "trials of the study, those of all its workers", min=1, affects="nothing"
    )
    objective: str | None = field(
        "what is made best: a path in metrics.json, or label_free; null: label_free for jrvae, "
        "else elbo.loss"
    )
    minimise: bool | None = field("whether less of it is better; null: as its name tells")
    space: str | None = field(
        "what is searched: a name in conf/search or a YAML file; null: the model's own"
    )
    prune: bool = field("whether to end trials whose validation loss lags behind")
    prune_after: float = field("share of the epochs that every trial gets", min=0, max=1)


# `task.name` → the dataclass of its keys; what the task does is in `vaerun.tasks.registry.TASKS`
CONFIGS: dict[str, type[TaskConfig]] = {
    "train": TaskConfig,
    "evaluate": TaskConfig,
    "encode": EncodeConfig,
    "compare": CompareConfig,
    "tune": TuneConfig,
    "atoms": TaskConfig,
}
OF_RUNS = ("evaluate", "encode", "compare")  # tasks that begin with runs that have finished
