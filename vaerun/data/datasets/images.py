"""Your own images: from files to training and validation images, or to all of them in turn.

vaerun data=images data.path='particles/*.tif' data.size=48
"""

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.datasets import log_messages
from vaerun.data.datasets.image_scan import ScannedImages, scan_images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.intensity import IntensityStatistics
from vaerun.data.image_set import DataShape, ImageSet, Splits
from vaerun.data.lazy.disk_cache import cached_images
from vaerun.data.lazy.preprocessing import check_range
from vaerun.utils.errors import UserError

# N images.

_FEWEST = 10  # images that anything can be learned from
_STREAM = 5  # of the choice of labelled images
_GLANCE = 50  # images that tell whether all are like those of a run
_LARGE = 256  # pixels a side
_OF_MEMORY = 0.7  # share that images may fill
_OF_LIMIT = 1 / 8  # of `data.memory_gb`, held of images that are streamed,
_MOST_HELD = 128 * 2**20  # but no more bytes than this

log = logging.getLogger(__name__)


def load(config: ImagesConfig, seed: int) -> Splits:
    """Training and validation images, parted at random; ``index`` counts through all files.

    Sets larger than ``data.memory_gb`` stay on disk, in one file that is made of them.

    Raises
    ------
    UserError
        If there are no images, too few of them, or some that do not go together.
    """
    found = scan_images(config, fewest=_FEWEST)
    parts = _split(config, len(found.stack), seed)
    is_large = _is_large(config, found, sum(map(len, parts)))
    digest = found.stack.source.digest()
    stack, n_mended = found.stack, 0
    if is_large:
        root = Path(config.root).expanduser()
        stack, n_mended = cached_images(found.stack, digest.tobytes(), root)
        stack = replace(stack, held_bytes=_held_bytes(config))
    surveys = [IntensityStatistics.of(stack.select(rows), config.clip_percent) for rows in parts]
    if all(survey.n_constant == survey.n for survey in surveys):
        what = f"all {len(found.stack)} images of data.path={config.path} are constant"
        raise UserError(what, "give others: there is nothing to learn from these")
    if config.normalise == "none":
        check_range(min(s.low for s in surveys), max(s.high for s in surveys))
    window = surveys[0].window(config.normalise, found.stack.source.types)
    among = replace(found, stack=stack)
    train, val = (_image_set(among, window, rows, at_once=not is_large) for rows in parts)
    log.info(log_messages.describe_images(found.stack, found.label, found.classes, found.factors))
    made = log_messages.describe_preprocessing(found.stack, surveys, window, n_mended)
    log.info(made + log_messages.describe_split(len(train), len(val)))
    if max(train.images.shape[2:]) > _LARGE:
        log.info(log_messages.large_image_hint(config.path or ""))
    return Splits(
        train=train,
        val=val,
        classes=found.classes,
        symmetry=[1] * len(found.classes),
        window=window,
        origin=torch.from_numpy(digest),
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


def load_all(
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
    found = scan_images(config, classes=classes)
    window = None if like is None else like.window
    surveys: list[IntensityStatistics] = []
    if config.normalise in ("none", "image"):
        window = None
    elif window is not None:
        few = torch.linspace(0, len(found.stack) - 1, _GLANCE).long().unique()
        seen = IntensityStatistics.of(found.stack.select(few))
        if not seen.fills(window):
            log.warning(log_messages.unlike_run_warning(seen, window))
    else:
        surveys = [IntensityStatistics.of(found.stack, config.clip_percent)]
        window = surveys[0].window(config.normalise, found.stack.source.types)
    log.info(log_messages.describe_images(found.stack, found.label, found.classes, found.factors))
    log.info(log_messages.describe_preprocessing(found.stack, surveys, window))
    return _image_set(found, window, found.stack.rows, at_once=False)


def _image_set(
    found: ScannedImages, window: tuple[float, float] | None, rows: Tensor, *, at_once: bool
) -> ImageSet:
    images = replace(found.stack, window=window).select(rows)
    return ImageSet(
        images=images.as_tensor() if at_once else images,
        label=found.label[rows],
        index=rows,
        factors={name: values[rows] for name, values in found.factors.items()},
    )


def _is_large(config: ImagesConfig, found: ScannedImages, n: int) -> bool:
    """Whether n images are streamed; refused if there is room for them in no way."""
    needed = 4 * n * found.stack.shape[1:].numel()
    gb = f"{math.ceil(100 * needed / 2**30) / 100:g}"
    if config.memory_gb is not None and needed > config.memory_gb * 2**30:
        if config.corrupt != "none":
            what = f"data.corrupt={config.corrupt} wants its {n:,} images in memory, {gb} GB"
            mend = f"data.memory_gb={gb} lets them in, data.train_size takes fewer"
            raise UserError(f"{what}, above data.memory_gb={config.memory_gb:g}", mend)
        return True
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > _OF_MEMORY * there:
        what = f"{n:,} images take {gb} GB of memory, this computer has {there / 2**30:.0f} GB"
        mend = "stream them by data.memory_gb=1, or make them smaller by data.size=64"
        raise UserError(what, mend)
    return False


def _held_bytes(config: ImagesConfig) -> int:
    """How much of a stream is shuffled at a time; twice that is held, the next being read."""
    assert config.memory_gb is not None
    return min(int(config.memory_gb * 2**30 * _OF_LIMIT), _MOST_HELD)


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
