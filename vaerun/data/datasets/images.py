"""The user's own images: training and validation images from files, in memory or streamed.

vaerun data=images data.path='particles/*.tif' data.size=48
"""

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaerun.data.copies import describe as describe_copies
from vaerun.data.copies import find_copies
from vaerun.data.datasets import log_messages
from vaerun.data.datasets.image_scan import ScannedImages, scan_images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.intensity import IntensityStatistics, choose_window
from vaerun.data.image_set import AllImages, DataShape, ImageSet, Splits
from vaerun.data.io import fill_values
from vaerun.data.io.lazy_array import inexact
from vaerun.data.lazy.disk_cache import cached_images
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import check_range
from vaerun.utils.errors import UserError

# N images.

_FEWEST = 10  # images that anything can be learned from
_STREAM = 5  # of the choice of labelled images
_GLANCE = 50  # images whose intensities are compared with those of a run
_LARGE = 256  # pixels a side
_OF_MEMORY = 0.7  # share that images may fill
# Images of a stream that are shuffled together fill a share of `data.memory_gb`, up to a limit in
# bytes. Twice as much is in memory, since the next images are being read.
_OF_LIMIT, _MOST_HELD = 1 / 8, 128 * 2**20

log = logging.getLogger(__name__)


def load(config: ImagesConfig, seed: int) -> Splits:
    """Training and validation images, split at random; ``index`` counts through all files.

    Sets larger than ``data.memory_gb`` are streamed from a single file that is made of them.

    Raises
    ------
    UserError
        If there are too few images, or images that differ in size or channels.
    """
    scanned = _with_fills(config, scan_images(config, fewest=_FEWEST))
    images = scanned.images
    types = images.source.types  # a copy to stream from may have others
    kept = _kept(config, images)
    parts = [kept[rows] for rows in _split(config, len(kept), seed)]
    is_large = _is_large(config, scanned, sum(map(len, parts)))
    digest = images.source.digest()
    if is_large:
        images = _streamed(config, images, digest.tobytes())
    statistics = [
        IntensityStatistics.of(images.select(rows), config.clip_percent) for rows in parts
    ]
    if all(one.n_constant == one.n for one in statistics):
        what = f"all {len(images)} images of data.path={config.path} are constant"
        raise UserError(what, "give others: there is nothing to learn from these")
    if config.normalise == "none":
        check_range(min(s.low for s in statistics), max(s.high for s in statistics))
    window, remark = choose_window(images.select(parts[0]), statistics[0], types, images.prepare)
    source = replace(scanned, images=images)
    train, val = (
        _image_set(source, window, rows, in_memory=not is_large, masked=some.n_filled > 0)
        for rows, some in zip(parts, statistics, strict=True)
    )
    copies = find_copies([train.images, val.images], torch.cat(parts))
    if copies.are_all_one and copies.n == len(train) + len(val):
        what = f"all {copies.n} images of data.path={config.path} are copies of one"
        raise UserError(what, "give others: there is nothing to learn from these")
    _log_images(scanned)
    if remark is not None:
        log.warning(remark)
    if copies.copies:
        log.warning(describe_copies(copies))
    log.info(
        log_messages.describe_preprocessing(scanned.images, statistics, window)
        + f"; {len(train):,} to train on, {len(val):,} to validate"
    )
    if max(train.images.shape[2:]) > _LARGE:
        log.info(
            "such large images are slow to learn from: data.size=64 resamples them, "
            f"data=patches data.path={config.path} cuts patches out of them"
        )
    return Splits(
        train=train,
        val=val,
        classes=scanned.classes.names,
        symmetry=[1] * len(scanned.classes.names),
        window=window,
        linear=config.scale == "none",
        origin=torch.from_numpy(digest),
    )


def _streamed(config: ImagesConfig, images: FileImages, digest: bytes) -> FileImages:
    """The images from a single file, made unless one of this digest is there."""
    assert config.memory_gb is not None
    root = Path(config.root).expanduser()
    cached = cached_images(images, digest, root, with_lost=config.skip_unreadable)
    held_bytes = min(int(config.memory_gb * 2**30 * _OF_LIMIT), _MOST_HELD)
    return replace(cached, held_bytes=held_bytes)


def load_labelled(config: ImagesConfig, seed: int, splits: Splits) -> ImageSet:
    """Random share of the training images of each class, at least one image."""
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
) -> AllImages:
    """All images in the order of their files, read when indexed.

    Shape and class names of the data set that a network was trained on, if given, determine the
    intensity window and the numbers of the labels.
    """
    scanned = _with_fills(config, scan_images(config, classes=classes))
    rows = _kept(config, scanned.images)
    images = scanned.images.select(rows)
    window = None if like is None else like.window
    statistics: list[IntensityStatistics] = []
    if config.normalise in ("none", "image"):
        window = None
    elif window is not None:
        few = torch.linspace(0, len(images) - 1, _GLANCE).long().unique()
        seen = IntensityStatistics.of(images.select(few))
        if not seen.fills(window):
            log.warning(
                f"these images have intensities from {seen.low:g} to {seen.high:g}, those of the "
                f"run became 0 to 1 from {window[0]:g} to {window[1]:g}: give them in the same "
                "units"
            )
    else:
        statistics = [IntensityStatistics.of(images, config.clip_percent)]
        window, remark = choose_window(images, statistics[0], images.source.types, images.prepare)
        if remark is not None:
            log.warning(remark)
    _log_images(scanned)
    log.info(log_messages.describe_preprocessing(images, statistics, window))
    may_have_gaps = bool(images.fills) or any(one.kind == "f" for one in images.source.types)
    return AllImages(
        images=_image_set(scanned, window, rows, in_memory=False, masked=may_have_gaps),
        window=window,
        linear=config.scale == "none",
    )


def _with_fills(config: ImagesConfig, scanned: ScannedImages) -> ScannedImages:
    """The images, with the numbers that stand for what was not measured; says what is rounded."""
    images, fills = scanned.images, fill_values.given(config.unmeasured)
    images = images.with_fills() if fills is None else replace(images, fills=fills)
    if n := images.n_inexact():
        log.warning(inexact(n))
    return replace(scanned, images=images)


def _kept(config: ImagesConfig, images: FileImages) -> Tensor:
    """Positions of the images that are used, (n,): all, or those with a measured pixel."""
    if not config.skip_unreadable:
        return images.rows
    measured = images.any_measured()
    if n_lost := int((~measured).sum()):
        log.warning(f"{n_lost:,} images without a measured pixel are left out")
    kept = images.rows[torch.from_numpy(measured)]
    if len(kept) < _FEWEST:
        what = f"only {len(kept)} images of data.path={config.path} have a measured pixel"
        raise UserError(what, f"give {_FEWEST} or more")
    return kept


def _log_images(scanned: ScannedImages) -> None:
    log.info(log_messages.describe_images(scanned.images, scanned.classes, scanned.factors))


def _image_set(
    scanned: ScannedImages,
    window: tuple[float, float] | None,
    rows: Tensor,
    *,
    in_memory: bool,
    masked: bool,
) -> ImageSet:
    images = replace(scanned.images, window=window).select(rows)
    measured = replace(images, as_mask=True) if masked else None
    return ImageSet(
        images=images.as_tensor() if in_memory else images,
        label=scanned.classes.label[rows],
        index=rows,
        factors={name: values[rows] for name, values in scanned.factors.items()},
        measured=measured.as_tensor() if measured is not None and in_memory else measured,
    )


def _is_large(config: ImagesConfig, scanned: ScannedImages, n: int) -> bool:
    """Whether n images must be streamed; raises a `UserError` if they can only be in memory."""
    needed = 4 * n * scanned.images.shape[1:].numel()
    gb = f"{math.ceil(100 * needed / 2**30) / 100:g}"
    if config.memory_gb is not None and needed > config.memory_gb * 2**30:
        if config.corrupt != "none":
            what = f"data.corrupt={config.corrupt} wants its {n:,} images in memory, {gb} GB"
            hint = f"data.memory_gb={gb} lets them in, data.train_size takes fewer"
            raise UserError(f"{what}, above data.memory_gb={config.memory_gb:g}", hint)
        return True
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > _OF_MEMORY * there:
        what = f"{n:,} images take {gb} GB of memory, this computer has {there / 2**30:.0f} GB"
        hint = "stream them by data.memory_gb=1, or make them smaller by data.size=64"
        raise UserError(what, hint)
    return False


def _split(config: ImagesConfig, n: int, seed: int) -> list[Tensor]:
    """Ascending positions of the training and of the validation images."""
    order = np.random.default_rng(seed).permutation(n)
    n_val = min(max(round(config.val_share * n), 1), n - 1)
    parts = []
    for kind, rows in (("train", order[n_val:]), ("val", order[:n_val])):
        size = getattr(config, f"{kind}_size")
        if size is not None and size > len(rows):
            raise UserError(
                f"data.{kind}_size={size} is more than the {len(rows)} images there are",
                f"set it to {len(rows)} or less, or to null for all; data.val_share splits them",
            )
        parts.append(torch.from_numpy(np.sort(rows[:size])))
    return parts
