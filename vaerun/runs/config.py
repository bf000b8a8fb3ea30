"""Every key of a run, and the proof of their values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vaerun import models
from vaerun.config.schema import Effect, check, effects, field
from vaerun.config.task import CONFIGS, OF_RUNS, TaskConfig
from vaerun.data.config import DataConfig
from vaerun.data.load import DATASETS
from vaerun.models.config import ModelConfig
from vaerun.models.objectives import OBJECTIVES, ObjectiveConfig
from vaerun.utils.errors import UserError, format_value

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerConfig:
    """How to train."""

    max_epochs: int = field("epochs; each shows every training image data.repeats times", min=1)
    accelerator: str = field("where to train", choices=["auto", "cpu", "gpu"], affects="rounding")
    devices: int | str = field(
        "devices that train together, on each machine; auto: as many as there are",
        min=1,
        choices=["auto"],
        affects="rounding",
    )
    nodes: int = field("machines that train together", min=1, affects="rounding")
    precision: str = field(
        "precision of the arithmetic; auto is bf16-mixed where the hardware has it, else 32-true",
        choices=PRECISIONS,
    )
    compile: bool = field(
        "whether torch compiles encoder and decoder: takes a minute, and pays on a GPU"
    )
    learning_rate: float = field("learning rate of Adam, at its highest", above=0)
    schedule: str = field(
        "course of the learning rate over the steps", choices=["constant", "cosine", "one_cycle"]
    )
    gradient_clip: float | None = field("largest norm of the gradient, null = any", above=0)
    early_stopping_epochs: int | None = field(
        "epochs without a better validation loss before training ends, null = never", min=1
    )
    checkpoint_minutes: float = field(
        "minutes from one checkpoint to the next within an epoch, 0 = after every step",
        min=0,
        affects="nothing",
    )
    progress: bool = field("whether to show a progress bar", affects="nothing")
    logger: list[str] = field(
        "where each epoch is logged: csv (metrics.csv, which is always written), tensorboard, "
        "mlflow, wandb; the last two are extras, and offline in the run folder",
        choices=["csv", "tensorboard", "mlflow", "wandb"],
        affects="nothing",
    )
    figures_every: int | None = field(
        "epochs from one manifold and reconstructions in TensorBoard to the next; null: at the "
        "end alone",
        min=1,
        affects="nothing",
    )
    film: bool = field(
        "whether to make a film of the manifold over the epochs, figures/training.webp",
        affects="nothing",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """Everything that determines a run."""

    model: ModelConfig = field("what is learned")
    data: DataConfig = field(
        "what it is learned from",
        variants={name: dataset.config for name, dataset in DATASETS.items()},
        by="kind",
        affects="images",
    )
    objective: ObjectiveConfig = field("what is minimised", variants=OBJECTIVES)
    trainer: TrainerConfig = field("how to train")
    task: TaskConfig = field("what to do", variants=CONFIGS)
    seed: int = field("seed of every random number", min=0, max=2**32 - 1)
    out: str = field("folder under which runs are versioned", affects="nothing")
    run: str | list[str] | None = field(
        "run folder(s) to evaluate, encode or compare", affects="nothing"
    )
    resume: str | None = field("auto, or a run folder to go on with", affects="nothing")


def keys_affecting(*what: Effect) -> frozenset[str]:
    """Full names of the keys, of all models and data sets, that affect one of these."""
    return frozenset(name for name, effect in effects(RunConfig).items() if effect in what)


INCIDENTAL = keys_affecting("nothing", "rounding")  # keys that no result depends on
NOT_OF_IMAGES = keys_affecting("nothing", "rounding", "training", "files")


def validate(plain: Mapping[str, Any]) -> RunConfig:
    """The config of a run, or one `UserError` that lists all that is wrong with it.

    Parameters
    ----------
    plain
        Plain containers, interpolations resolved: what `compose` returns, or a run's own file.
    """
    config = check(RunConfig, plain, further=_contradictions(plain))
    models.check(config.model, models.MODELS[config.model.name])
    if config.data.of_curves and "r" in config.model.invariances:
        rest = [name for name in config.model.invariances if name != "r"] or ["t"]
        what = (
            f"model.invariances={format_value(config.model.invariances)} turns what "
            f"data={config.data.name} has, curves, which have no rotation"
        )
        raise UserError(what, f"name t, s or i, as in 'model.invariances=[{','.join(rest)}]'")
    share = getattr(config.data, "labelled_share", 1.0)
    if config.model.category.name == "regressed" and share != 1:
        what = (
            f"data.labelled_share={share:g} is of classes, but model/category=regressed has none"
        )
        raise UserError(what, f"give model.category.known_share={share:g}")
    return config


def _contradictions(plain: Mapping[str, Any]) -> list[UserError]:
    """Faults that concern several keys, or that types and bounds do not show."""
    faults = []
    if isinstance(plain.get("out"), str) and not plain["out"].strip():
        faults.append(UserError("out= is empty", "give a folder, such as out=outputs"))
    values = plain.get("task")
    task = values.get("name") if isinstance(values, Mapping) else None
    if task in OF_RUNS and plain.get("run") is None:
        hint = "give run=, as in run=outputs/rvae/cards_iv/version_0"
        faults.append(UserError(f"task={task} has no run to work on", hint))
    elif task not in OF_RUNS and plain.get("run") is not None:
        what = f"run={format_value(plain['run'])} is of no use to task={task}"
        faults.append(UserError(what, "leave it out, or go on with that run by resume="))
    if task != "train" and plain.get("resume") is not None:
        what = f"resume={format_value(plain['resume'])} is of no use to task={task}"
        faults.append(UserError(what, "leave it out"))
    data = plain.get("data")
    name = data.get("name") if isinstance(data, Mapping) else None
    if isinstance(name, str) and not re.fullmatch(r"\w[\w.-]*", name):
        what = f"data.name={format_value(name)} cannot be the name of a folder"
        faults.append(UserError(what, "use letters, digits, - and _ only"))
    return faults
