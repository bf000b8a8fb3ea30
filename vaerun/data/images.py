"""Your own images: from files to training and validation images, or to all of them in turn.

vaerun data=images data.path='particles/*.tif' data.size=48
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data import told
from vaerun.data.filestack import FileStack
from vaerun.data.images_config import ImagesConfig
from vaerun.data.known import factor, numbered
from vaerun.data.records import Records
from vaerun.data.sets import DataShape, ImageSet, Splits
from vaerun.data.source import Source
from vaerun.data.survey import Survey
from vaerun.errors import UserError
from vaerun.files.columns import read_table
from vaerun.files.paths import find

# N images.

_FEWEST = 10  # images that anything can be learned from
_STREAM = 5  # of the choice of labelled images

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Images in files, not yet normalised: stack (N), label (N,), class names, factors (N,)."""

    stack: FileStack
    label: Tensor
    classes: list[str]
    factors: dict[str, Tensor]


def load(config: ImagesConfig, seed: int) -> Splits:
    """Training and validation images, parted at random; ``index`` counts through all files.

    Raises
    ------
    UserError
        If there are no images, too few of them, or some that do not go together.
    """
    found = _find(config, fewest=_FEWEST)
    parts = _split(config, len(found.stack), seed)
    surveys = [Survey.of(found.stack.select(rows), config.clip_percent) for rows in parts]
    if all(survey.n_constant == survey.n for survey in surveys):
        what = f"all {len(found.stack)} images of data.path={config.path} are constant"
        raise UserError(what, "give others: there is nothing to learn from these")
    window = surveys[0].window(config.normalise, found.stack.source.types)
    train, val = (_image_set(found, window, rows, at_once=True) for rows in parts)
    log.info(told.found(found.stack, found.label, found.classes, list(found.factors)))
    log.info(told.done(found.stack, surveys, window) + told.split(len(train), len(val)))
    return Splits(
        train=train,
        val=val,
        classes=found.classes,
        symmetry=[1] * len(found.classes),
        window=window,
        origin=torch.from_numpy(found.stack.source.digest()),
    )


def load_labelled(config: ImagesConfig, seed: int, splits: Splits) -> ImageSet:
    """A share of the training images of each class, at least one."""
    label = splits.train.label.numpy()
    if not (label >= 0).any():
        raise UserError(
            f"none of the training images of data.path={config.path} has a label",
            "name a column or data set by data.label, or use model=rvae or jrvae",
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    rows = []
    for number in np.unique(label[label >= 0]):
        of_class = np.flatnonzero(label == number)
        n = int(np.ceil(config.labelled_share * len(of_class)))
        rows.append(rng.choice(of_class, n, replace=False))
    return splits.train.select(torch.from_numpy(np.sort(np.concatenate(rows))))


def everything(
    config: ImagesConfig, like: DataShape | None = None, classes: Sequence[str] | None = None
) -> ImageSet:
    """All images in the order of their files, read when they are looked at.

    Parameters
    ----------
    config
        Where they are, and how to prepare them.
    like
        Of the data set that a network was trained on: its window is theirs too.
    classes
        Names of its classes, whose numbers labels are to have; None: their own.
    """
    found = _find(config, classes=classes)
    window = None if like is None else like.window
    surveys = []
    if config.normalise in ("none", "image"):
        window = None
    elif window is None:
        surveys = [Survey.of(found.stack, config.clip_percent)]
        window = surveys[0].window(config.normalise, found.stack.source.types)
    log.info(told.found(found.stack, found.label, found.classes, list(found.factors)))
    log.info(told.done(found.stack, surveys, window))
    return _image_set(found, window, found.stack.rows, at_once=False)


def _image_set(
    found: _Found, window: tuple[float, float] | None, rows: Tensor, *, at_once: bool
) -> ImageSet:
    images = replace(found.stack, window=window).select(rows)
    return ImageSet(
        images=images.cropped() if at_once else images,
        label=found.label[rows],
        index=rows,
        factors={name: values[rows] for name, values in found.factors.items()},
    )


def _find(
    config: ImagesConfig, *, fewest: int = 1, classes: Sequence[str] | None = None
) -> _Found:
    """The images, and what is known of each."""
    if config.path is None:
        mend = "name your images, as in data.path=images.h5 or data.path=folder"
        raise UserError("data.path is not given", mend)
    source = Source.scan(find(config.path, below=True), config.key, config.skip_unreadable)
    if len(source) < fewest:
        raise _too_few(config.path, source, fewest)
    stack = _stack(config, source)
    table = None if config.table is None else read_table(config.table)
    folder = _folder(Path(config.path).expanduser())
    records = Records(source, table, folder)
    values = _classes(config, records)
    label, names = torch.full((len(source),), -1), list[str]()
    if values is not None:
        label, names = numbered(values, f"data.label={config.label or 'folder'}", classes)
    factors = {name: factor(records.values(name, "factors"), name) for name in config.factors}
    return _Found(stack=stack, label=label, classes=names, factors=factors)


def _folder(path: Path) -> Path:
    """What files are named from: the folder, or that of a file, or what precedes a wildcard."""
    if path.is_dir():
        return path
    wild = [
        i for i, part in enumerate(path.parts) if not path.is_file() and set(part) & set("*?[")
    ]
    return Path(*path.parts[: min(wild, default=-1)])


def _classes(config: ImagesConfig, records: Records) -> npt.NDArray[np.generic] | None:
    """What tells the class of each image, (N,); None if nothing does."""
    folders = [entry.file.parent for entry in records.source.entries]
    given = Path(config.path or "").expanduser()
    if config.label is None and not (given.is_dir() and given not in folders):
        return None
    if config.label not in (None, "folder"):
        return records.values(config.label, "label")
    if config.label is not None and len(set(folders)) < 2:
        what = f"data.label=folder, but all images of data.path={config.path} lie in one"
        raise UserError(what, "give a folder of folders, one for each class")
    return np.repeat([f.name for f in folders], [e.layout.n for e in records.source.entries])


def _stack(config: ImagesConfig, source: Source) -> FileStack:
    """The images, not yet normalised; all have one size and number of channels."""
    prepare = config.preparation
    outlines = {prepare.outline(entry.layout.shape): entry.file for entry in source.entries}
    if len(outlines) > 1:
        (a, b), (file, other) = list(outlines)[:2], list(outlines.values())[:2]
        what = f"{file} is {told.size(a)}, but {other} is {told.size(b)}"
        mend = "make them alike by data.size=[rows,columns], or by data.crop_px and data.pad_px"
        raise UserError(what, mend if a[0] == b[0] else "average colours by data.grey=true")
    return FileStack(source=source, rows=torch.arange(len(source)), prepare=prepare)


def _too_few(path: str, source: Source, fewest: int) -> UserError:
    images = "1 image" if len(source) == 1 else f"{len(source)} images"
    sides = told.size(source.entries[0].layout.shape)
    return UserError(
        f"data.path={path} holds {images} of {sides}: too few to learn from",
        f"cut patches out of them by data=patches data.path={path}, or give {fewest} or more",
    )


def _split(config: ImagesConfig, n: int, seed: int) -> list[Tensor]:
    """Positions of the training and of the validation images, in their order."""
    order = np.random.default_rng(seed).permutation(n)
    n_val = min(max(round(config.val_share * n), 1), n - 1)
    parts = {"train": order[n_val:], "val": order[:n_val]}
    return [_some(kind, rows, getattr(config, f"{kind}_size")) for kind, rows in parts.items()]


def _some(kind: str, rows: npt.NDArray[np.int64], size: int | None) -> Tensor:
    if size is not None and size > len(rows):
        raise UserError(
            f"data.{kind}_size={size} is more than the {len(rows)} images there are",
            f"set it to {len(rows)} or less, or to null for all; data.val_share parts them",
        )
    return torch.from_numpy(np.sort(rows[:size]))
