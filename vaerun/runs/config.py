"""What a run may be asked for: where the YAML is, what it offers, and the proof of its values.

Nothing here imports torch or Hydra before a config is validated, so that help is quick. The
parts that can be chosen (data, decoder, pose) are proved by the dataclass of the choice, found
in a registry by the name in the config: no config can name anything to import.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vaerun.config.schema import field, validate_fields
from vaerun.config.task import CONFIGS, OF_RUNS, TaskConfig
from vaerun.utils.errors import UserError, format_value, invalid_choice, raise_all

if TYPE_CHECKING:
    from vaerun.data import DataConfig
    from vaerun.models import ModelConfig
    from vaerun.models.objectives import ObjectiveConfig
else:  # proved by their own dataclasses before the root is built, see `validate`
    DataConfig = ModelConfig = ObjectiveConfig = Any


# What keys were before there were any, for the configs of older runs.
_SINCE = {"trainer": {"checkpoint_minutes": 1.0, "nodes": 1, "compile": False}}
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerConfig:
    """How to train."""

    max_epochs: int = field("times every training image is seen", min=1)
    accelerator: str = field("where to train", choices=["auto", "cpu", "gpu"])
    devices: int | str = field(
        "devices that train together, on each machine; auto: as many as there are",
        min=1,
        choices=["auto"],
    )
    nodes: int = field("machines that train together", min=1)
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
        "minutes from one checkpoint to the next within an epoch, 0 = after every step", min=0
    )
    progress: bool = field("whether to show a progress bar")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """Everything that determines a run."""

    model: ModelConfig = field("what is learned")
    data: DataConfig = field("what it is learned from")
    objective: ObjectiveConfig = field("what is minimised")
    trainer: TrainerConfig = field("how to train")
    task: TaskConfig = field("what to do")
    seed: int = field("seed of every random number", min=0, max=2**32 - 1)
    out: str = field("folder under which runs are versioned")
    run: str | list[str] | None = field("run folder(s) to evaluate, encode or compare")
    resume: str | None = field("auto, or a run folder to go on with")


def validate(plain: Mapping[str, Any]) -> RunConfig:
    """The config of a run, or one `UserError` that lists all that is wrong with it.

    Parameters
    ----------
    plain
        Plain containers, interpolations resolved: what `compose` returns, or a run's own file.
    """
    from vaerun import models
    from vaerun.data.load import DATASETS
    from vaerun.models import CATEGORIES, POSES, ModelConfig
    from vaerun.models.networks import DECODERS
    from vaerun.models.objectives import OBJECTIVES

    faults: list[UserError] = []
    parts = dict(plain)
    for group, older in _SINCE.items():
        if isinstance(parts.get(group), Mapping):
            parts[group] = older | dict(parts[group])
    _check_name(parts, "model", models.MODELS, faults)
    if isinstance(parts.get("model"), Mapping):
        parts["model"] = model = dict(parts["model"])
        decoders = {name: decoder.Config for name, decoder in DECODERS.items()}
        poses = {name: pose.Config for name, pose in POSES.items()}
        categories = {name: category.Config for name, category in CATEGORIES.items()}
        _build_chosen(model, "decoder", "model.decoder", "name", decoders, faults)
        _build_chosen(model, "pose", "model.pose", "name", poses, faults)
        _build_chosen(model, "category", "model.category", "name", categories, faults)
    kinds = {name: dataset.config for name, dataset in DATASETS.items()}
    _build_chosen(parts, "task", "task", "name", CONFIGS, faults)
    _build_chosen(parts, "data", "data", "kind", kinds, faults)
    _build_chosen(parts, "objective", "objective", "name", OBJECTIVES, faults)
    if "model" in parts:
        parts["model"] = validate_fields(ModelConfig, parts["model"], "model", faults)
    config = validate_fields(RunConfig, parts, "", faults)
    faults += _cross_faults(plain)
    raise_all(faults)
    assert config is not None
    models.check(config.model, models.MODELS[config.model.name])
    return config


def _check_name(
    parts: Mapping[str, Any], group: str, registry: Mapping[str, object], faults: list[UserError]
) -> None:
    """Add the fault of a group whose name is not in its registry; other faults come later."""
    values = parts.get(group)
    if isinstance(values, Mapping) and values.get("name", "") not in ("", *registry):
        faults.append(invalid_choice(f"{group}.name", values["name"], list(registry)))


def _build_chosen(
    parts: dict[str, Any],
    name: str,
    where: str,
    by: str,
    registry: Mapping[str, type],
    faults: list[UserError],
) -> None:
    """Put the proved dataclass of the choice that a part names in the part's place."""
    values = parts.get(name)
    if name not in parts:
        return
    if not isinstance(values, Mapping) or by not in values:
        what = f"{where}={format_value(values)} does not say its {by}"
        faults.append(UserError(what, f"give {where}.{by}, one of {', '.join(registry)}"))
    elif values[by] not in list(registry):
        faults.append(invalid_choice(f"{where}.{by}", values[by], list(registry)))
    else:
        parts[name] = validate_fields(registry[values[by]], values, where, faults)


def _cross_faults(plain: Mapping[str, Any]) -> list[UserError]:
    """Faults that types and bounds do not tell."""
    faults = []
    if isinstance(plain.get("out"), str) and not plain["out"].strip():
        faults.append(UserError("out= is empty", "give a folder, such as out=outputs"))
    values = plain.get("task")
    task = values.get("name") if isinstance(values, Mapping) else None
    if task in OF_RUNS and plain.get("run") is None:
        mend = "give run=, as in run=outputs/rvae/cards_iv/version_0"
        faults.append(UserError(f"task={task} is told of no run", mend))
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
