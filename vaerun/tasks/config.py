"""The keys of each task, beside those of every run."""

from dataclasses import dataclass

from vaerun.schema import option


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """What to do; each task that needs more adds its keys."""

    name: str = option("which task")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeConfig(TaskConfig):
    """How encodings are written."""

    csv: bool = option("whether to write latents.csv too")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareConfig(TaskConfig):
    """What of the runs is compared."""

    metrics: list[str] | None = option(
        "metrics to show, as in [knn_accuracy,elbo.loss]; null: those that the runs share"
    )
