"""A finished run used once more: its model, and its data or others."""

import dataclasses
from dataclasses import dataclass

import torch

from vaerun import models
from vaerun.config.overrides import group
from vaerun.data.image_set import DataShape, ImageSet, Splits
from vaerun.runs.config import INCIDENTAL, RunConfig, validate
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.manifest import RunRequest
from vaerun.runs.run import Run, load
from vaerun.utils.errors import UserError, format_value


@dataclass(frozen=True, kw_only=True)
class Reused:
    """A finished run, and what to do with it now.

    Attributes
    ----------
    run
        Loaded.
    folder
        Its own.
    config
        Model and objective are the run's; the data too, unless others are asked for.
    job
        The same config in plain containers, and what was typed.
    """

    run: Run
    folder: RunFolder
    config: RunConfig
    job: RunRequest


def reused(config: RunConfig, job: RunRequest) -> Reused:
    """The run that ``run=`` names, with the data that it is to look at.

    Raises
    ------
    UserError
        If it names none or several, or another model is asked for.
    """
    if not isinstance(config.run, str):
        raise UserError(
            f"run={format_value(config.run)} is not one run folder",
            "give it as in run=outputs/rvae/cards_iv/version_0",
        )
    for text in job.overrides:
        if group(text) in ("model", "objective"):
            raise UserError(f"{text} changes what the run has learned", "leave it out")
    run, folder = load(config.run), open_run(config.run)
    own = read_config(folder)
    kept = {"model": own["model"], "objective": own["objective"]}
    groups = {group(text) for text in job.overrides}
    if "data" not in groups:
        kept["data"] = own["data"]
    if "seed" not in groups:
        kept["seed"] = own["seed"]
    now = {k: v for k, v in job.plain["trainer"].items() if f"trainer.{k}" in INCIDENTAL}
    plain = job.plain | kept | {"trainer": own["trainer"] | now}
    return Reused(
        run=run,
        folder=folder,
        config=validate(plain),
        job=dataclasses.replace(job, plain=plain),
    )


def with_classes_of(run: Run, splits: Splits) -> Splits:
    """The same images with the classes numbered as the run has learned them.

    Labels of classes that it does not know become −1.
    """
    own = list(run.metrics.get("classes") or [])
    if not own or splits.classes == own or not _knows_classes(run):
        return splits
    number = {name: j for j, name in enumerate(own)}
    place = torch.tensor([*(number.get(name, -1) for name in splits.classes), -1])
    train, val, *labelled = (
        dataclasses.replace(part, label=place[part.label]) for part in splits.parts
    )
    return dataclasses.replace(
        splits,
        train=train,
        val=val,
        labelled=labelled[0] if labelled else None,
        classes=own,
        symmetry=[1] * len(own),
    )


def _knows_classes(run: Run) -> bool:
    """Whether the classes of a data set mean something to the run's network."""
    family = models.MODELS[run.config.model.name]
    return family.learns_labels or bool(run.network.category.n_data_classes)


def check_fit(run: Run, images: ImageSet, shape: DataShape) -> None:
    """Raise a `UserError` unless a run's network can be shown these images.

    Parameters
    ----------
    run
        The run.
    images
        What it is to see.
    shape
        Of the data set that they are from.
    """
    own, category = run.network.shape, run.network.category
    if shape.image != own.image:
        given, wanted = ("×".join(map(str, s.image[1:] + s.image[:1])) for s in (shape, own))
        raise UserError(
            f"these images are of {given} (rows, columns, channels), the run's were of {wanted}",
            "give images like those, or for data=images resample them by data.size=",
        )
    lacking = [name for name in category.factors if name not in images.factors]
    told = category.n_data_classes if not run.network.n_classes else 0
    if told and not bool(((images.label >= 0) & (images.label < told)).all()):
        lacking.append("class")
    if lacking:
        raise UserError(
            f"{run.config.model.name} is told {', '.join(lacking)} of every image, which these "
            "data do not say",
            "give data with labels and factors like those of the run",
        )
