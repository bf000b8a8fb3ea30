"""Evaluate or encode with a finished run, on its own data or on other data."""

import dataclasses
import logging

import torch

from vaerun.config.overrides import group, split_override
from vaerun.data.image_set import ImageSet, Splits
from vaerun.runs.config import INCIDENTAL, RunConfig, validate
from vaerun.runs.folder import read_config
from vaerun.runs.manifest import RunRequest, read_manifest
from vaerun.runs.own_paths import found_data
from vaerun.runs.run import Run, load
from vaerun.utils.errors import UserError, format_value

# What held for the training alone: a run of a cluster is used on whatever machine is at hand.
_OF_THE_MACHINE = INCIDENTAL | {"trainer.precision", "trainer.compile"}

log = logging.getLogger(__name__)


def reuse_run(config: RunConfig, request: RunRequest) -> tuple[Run, RunConfig, RunRequest]:
    """Load the run that ``run=`` names, with the config and request to use it with.

    Model and objective are those of the run; data and seed too, unless others were typed. Of the
    trainer, what was typed holds, and what this machine has.

    Raises
    ------
    UserError
        If ``run=`` names none or several, or another model is asked for.
    """
    if not isinstance(config.run, str):
        raise UserError(
            f"run={format_value(config.run)} is not one run folder",
            "give it as in run=outputs/rvae/cards_iv/version_0",
        )
    for text in request.overrides:
        if group(text) in ("model", "objective"):
            raise UserError(f"{text} changes what the run has learned", "leave it out")
    run = load(config.run)
    own = read_config(run.folder)
    typed = {group(text) for text in request.overrides}
    inherited = {"model", "objective", *({"data", "seed"} - typed)}
    here = _OF_THE_MACHINE | {split_override(text)[0] for text in request.overrides}
    trainer = request.plain["trainer"].items()
    machine = {key: value for key, value in trainer if f"trainer.{key}" in here}
    plain = {
        **request.plain,
        **{name: own[name] for name in inherited},
        "trainer": own["trainer"] | machine,
    }
    if "data" in inherited:
        plain["data"] = found_data(run.folder, own["data"])
        for key, value in plain["data"].items():
            if value != own["data"][key]:
                log.info(f"data.{key}={own['data'][key]} of the run is {value} from here")
    return run, validate(plain), dataclasses.replace(request, plain=plain)


def is_own_data(run: Run, data_fingerprint: str) -> bool:
    """Whether these are the data that a run was trained on, as far as that is known."""
    return read_manifest(run.folder).get("data_fingerprint") in (None, data_fingerprint)


def warn_of_other_data(run: Run, request: RunRequest, data_fingerprint: str) -> None:
    """Warn if a run's own data, taken because no others were typed, are no longer the same."""
    typed = {group(text) for text in request.overrides} & {"data", "seed", "experiment"}
    if not typed and not is_own_data(run, data_fingerprint):
        log.warning(
            "these images are not the ones that the run was trained on: their files, labels or "
            "factors have changed"
        )


def with_classes_of(run: Run, splits: Splits) -> Splits:
    """Number the classes of some images as the run has learned them.

    Labels of classes that the run does not know become −1.
    """
    own = list(run.metrics.get("classes") or [])
    if not own or splits.classes == own or not _knows_classes(run):
        return splits
    number = {name: j for j, name in enumerate(own)}
    label = torch.cat([splits.train.label, splits.val.label])
    unknown = [
        f"{name} {int((label == j).sum()):,}"
        for j, name in enumerate(splits.classes)
        if name not in number
    ]
    if unknown:
        log.warning(f"classes that the run does not know count as none: {', '.join(unknown)}")
    new_label = torch.tensor([*(number.get(name, -1) for name in splits.classes), -1])
    renumbered = {
        name: dataclasses.replace(part, label=new_label[part.label])
        for name in ("train", "val", "labelled", "rest")
        if (part := getattr(splits, name)) is not None
    }
    return dataclasses.replace(
        splits,
        **renumbered,
        classes=own,
        symmetry=[1] * len(own),
    )


def _knows_classes(run: Run) -> bool:
    """Whether the run's network was trained with the classes of its data."""
    return run.network.learns_classes or bool(run.network.category.n_data_classes)


def check_fit(run: Run, images: ImageSet) -> None:
    """Raise a `UserError` unless images have the shape, classes and factors of a run's own."""
    shape, own, category = images.images.shape[1:], run.network.shape.image, run.network.category
    if tuple(shape) != own:
        given, wanted = ("×".join(map(str, (*s[1:], s[0]))) for s in (shape, own))
        raise UserError(
            f"these images are of {given} (rows, columns, channels), the run's were of {wanted}",
            "give images like those, or for data=images resample them by data.size=",
        )
    lacking = [name for name in category.factors if name not in images.factors]
    n_classes = category.n_data_classes if not run.network.n_classes else 0
    if n_classes and not bool(((images.label >= 0) & (images.label < n_classes)).all()):
        lacking.append("class")
    if lacking:
        raise UserError(
            f"{run.config.model.name} needs {', '.join(lacking)} of every image, which these "
            "data lack",
            "give data with labels and factors like those of the run",
        )
