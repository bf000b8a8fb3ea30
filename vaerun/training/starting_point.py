"""Training that begins from the weights of a finished run: ``model.start_from=RUN``.

All that the run's network learned or measured goes on: weights, sd of the likelihood, prior of the
classes, constants of the object locator and of brightness, ranges of factors. The images keep
their own window of intensities, which ``data.keep`` and ``data.drop`` do not change.
"""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vaerun.data.image_set import DataShape, Splits
from vaerun.data.latent_columns import read_latent_table
from vaerun.models.config import ModelConfig
from vaerun.models.encodings import TRAIN
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs.config import RunConfig
from vaerun.runs.run import Run, load
from vaerun.utils.errors import UserError, format_value

# Keys of a model that may differ: they change how it is trained, not what its weights mean.
_OF_TRAINING = ("start_from", "restarts", "restart_epochs", "clustering", "category.prior",
                "pose.decode", "decoder.every_row", "decoder.pixel_subset")  # fmt: skip
_SAME_WINDOW = 0.01  # largest difference of windows, as a share, that is not worth a word

log = logging.getLogger(__name__)


def starting_point(config: RunConfig, splits: Splits) -> Run:
    """The run of ``model.start_from``, whose network fits these data; says what differs of them.

    Raises
    ------
    UserError
        If there is no such run, or it is of another model, of other classes, or of images of
        another size.
    """
    assert config.model.start_from is not None
    run = load(config.model.start_from)
    here = f"model.start_from={config.model.start_from}"
    _check_keys(run.config.model, config.model, here)
    _check_data(run, splits, here)
    _say_window(run.network.shape, splits, here)
    _say_overlap(run, splits, here)
    return run


def take_over(network: InvariantVAE, start: InvariantVAE) -> None:
    """Copy all that a network of the same config has learned or measured."""
    network.load_state_dict(start.state_dict())


def shape_of(splits: Splits, start: DataShape) -> DataShape:
    """The shape of some data, with the ranges of factors that a network was trained with."""
    return dataclasses.replace(splits.shape, ranges=start.ranges)


def _check_keys(theirs: ModelConfig, ours: ModelConfig, here: str) -> None:
    """Raise a `UserError` that names the first key of the model that must not differ."""
    before, now = (dict(_flat(dataclasses.asdict(one))) for one in (theirs, ours))
    for key in [*before, *now]:
        if key.startswith(_OF_TRAINING) or before.get(key) == now.get(key):
            continue
        name = f"model.{key}"
        if key.rpartition(".")[2] == "name":  # a choice, such as model/decoder=spatial
            name = "/".join(["model", *key.split(".")[:-1]])
        before_text, now_text = (format_value(values.get(key)) for values in (before, now))
        raise UserError(
            f"{here} has {name}={before_text}, but here it is {now_text}",
            f"give {name}={before_text}, or leave model.start_from out",
        )


def _flat(values: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield f"{where}{name}", value


def _check_data(run: Run, splits: Splits, here: str) -> None:
    """Raise a `UserError` unless images and classes are like those of the run."""
    own, given = run.network.shape, splits.shape
    if own.image != given.image:
        before, now = ("×".join(map(str, (*s[1:], s[0]))) for s in (own.image, given.image))
        what = f"{here} is of images of {before} (rows, columns, channels), these are of {now}"
        raise UserError(what, "resample them by data.size=, or leave model.start_from out")
    category = run.network.category
    if not (category.n_data_classes or run.network.learns_classes):
        return
    classes = list(run.metrics.get("classes") or []) if run.folder.metrics_json.is_file() else []
    if own.n_classes != given.n_classes or (classes and classes != list(splits.classes)):
        before, now = (format_value(names) for names in (classes, list(splits.classes)))
        what = f"{here} is of classes {before}, these data have {now}"
        raise UserError(what, "give data of the same classes, or leave model.start_from out")


def _say_window(own: DataShape, splits: Splits, here: str) -> None:
    """Say if 0 and 1 are other intensities than they were in the run."""
    if own.window is None or splits.window is None:
        return
    before, now = np.asarray(own.window), np.asarray(splits.window)
    if np.abs(before - now).max() > _SAME_WINDOW * (before[1] - before[0]):
        log.warning(
            f"{here}: 0 to 1 were intensities from {before[0]:g} to {before[1]:g}, here they are "
            f"from {now[0]:g} to {now[1]:g}"
        )


def _say_overlap(run: Run, splits: Splits, here: str) -> None:
    """Warn if images that are held back here were trained on there."""
    if not run.folder.latents.is_file():
        return
    table = read_latent_table(str(run.path), "model.start_from")
    if not table.source or table.source != splits.source:
        return
    trained = table.index[np.asarray(table.columns["split"].values) == TRAIN]
    n = int(np.isin(splits.val.index.numpy(), trained).sum())
    if n:
        log.warning(
            f"{n:,} of {len(splits.val):,} validation images were trained on by {here}, so their "
            f"loss is too good: seed={run.config.seed} holds back the same as it did"
        )
