"""Load the data set that a config names."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from vaerun.data import selection
from vaerun.data.config import DataConfig
from vaerun.data.corruption import Corruption, corruption
from vaerun.data.datasets import (
    cards,
    graphene,
    images,
    lattices,
    mnist,
    pairs,
    particles,
    patches,
    peaks,
    spectra,
)
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.datasets.spectra_config import SpectraConfig
from vaerun.data.image_set import AllImages, DataShape, ImageSet, ImageSource, Splits
from vaerun.data.known_targets import KnownTargets, with_known_targets
from vaerun.utils.errors import UserError

_CHUNK = 2000  # images corrupted at once: some 30 MB at 28 × 28
_STREAM = 3  # of corruption; the images themselves are drawn from streams 0, 1 and 2

log = logging.getLogger(__name__)


class Dataset(NamedTuple):
    """Entry of the registry of data sets: config keys, and functions of config and seed.

    ``load`` returns training and validation images, ``load_labelled`` the labelled images that a
    semi-supervised model learns from: drawn separately, or taken from the splits. ``load_all``
    reads all of the user's own in the order of their files; None for others.
    """

    config: type[DataConfig]
    load: Callable[[Any, int], Splits]
    load_labelled: Callable[[Any, int, Splits], ImageSet]
    load_all: Callable[[Any, DataShape | None, Sequence[str] | None], AllImages] | None = None


DATASETS: dict[str, Dataset] = {
    "cards": Dataset(cards.CardsConfig, cards.load, cards.load_labelled),
    "particles": Dataset(particles.ParticlesConfig, particles.load, particles.load_labelled),
    "mnist": Dataset(mnist.MnistConfig, mnist.load, mnist.load_labelled),
    "graphene": Dataset(graphene.GrapheneConfig, graphene.load, graphene.load_labelled),
    "patches": Dataset(PatchesConfig, patches.load, patches.load_labelled),
    "lattices": Dataset(lattices.LatticesConfig, lattices.load, patches.load_labelled),
    "peaks": Dataset(peaks.PeaksConfig, peaks.load, peaks.load_labelled),
    "pairs": Dataset(pairs.PairsConfig, pairs.load, pairs.load_labelled),
    "images": Dataset(ImagesConfig, images.load, images.load_labelled, images.load_all),
    "spectra": Dataset(SpectraConfig, spectra.load, spectra.load_labelled, spectra.load_all),
}


def load(
    config: DataConfig,
    seed: int,
    *,
    labelled: bool = False,
    classed: bool = False,
    targets: KnownTargets | None = None,
) -> Splits:
    """Splits of the data set that a config describes, determined by the config and the seed.

    With `labelled` a labelled set is added; with `classed` images of unknown class are dropped;
    with `targets` the images that a target is learned from are chosen.
    """
    dataset = DATASETS[config.kind]
    splits = dataset.load(config, seed)
    splits = dataclasses.replace(splits, source=selection.source_of_splits(splits, config))
    if selection.is_selected(config):
        splits = selection.select_splits(splits, config)
    if classed and isinstance(config, ImagesConfig | SpectraConfig) and not splits.classes:
        hint = "name the column or data set of the classes by data.label, or use model=rvae"
        raise UserError(f"the images of data.path={config.path} have no classes", hint)
    if classed:
        splits = _with_class_alone(splits)
    if targets is not None:
        splits = with_known_targets(splits, targets, seed)
    _check_classes(splits, config, labelled=labelled, classed=classed)
    if labelled:
        splits = dataclasses.replace(splits, labelled=dataset.load_labelled(config, seed, splits))
    corrupt = corruption(config.corrupt, config.corruption)
    if corrupt is None:
        return splits
    streams = np.random.SeedSequence(seed, spawn_key=(_STREAM,)).spawn(4)
    names = ("train", "val", "labelled", "rest")
    corrupted: dict[str, Any] = {
        name: _corrupted(images, corrupt, stream)
        for name, stream in zip(names, streams, strict=True)
        if (images := getattr(splits, name)) is not None
    }
    return dataclasses.replace(splits, **corrupted)


def load_all(
    config: DataConfig,
    seed: int,
    like: DataShape | None = None,
    classes: Sequence[str] | None = None,
) -> AllImages:
    """All images of a data set, of training, validation and neither; own images in file order.

    Parameters
    ----------
    config, seed
        As in `load`.
    like, classes
        Shape and class names of the data set that a network was trained on. They determine the
        normalisation of own images and the numbers of their labels.

    Raises
    ------
    UserError
        If the images differ in size or channels from `like`.
    """
    if (read_all := DATASETS[config.kind].load_all) is not None:
        loaded = read_all(config, like, classes)
        if selection.is_selected(config):
            chosen = selection.select_images(loaded.images, config)
            loaded = dataclasses.replace(loaded, images=chosen)
    else:
        splits = load(config, seed)
        rest = [] if splits.rest is None else [splits.rest]
        loaded = AllImages(
            images=ImageSet.concatenate([splits.train, splits.val, *rest]),
            **{f.name: getattr(splits, f.name) for f in dataclasses.fields(ImageSource)},
        )
    shape = tuple(loaded.images.images.shape[1:])
    if like is not None and shape != like.image:
        raise _wrong_shape(config, shape, like.image)
    return loaded


def _wrong_shape(config: DataConfig, given: Sequence[int], wanted: Sequence[int]) -> UserError:
    here, there = ("×".join(map(str, shape)) for shape in (given, wanted))
    what = f"images of data={config.name} are {here} (channels×rows×columns), the run's {there}"
    if config.of_curves:
        points = f"{wanted[0]} channels of {wanted[2]} points"
        return UserError(what, f"give curves in {points}, or data.crop and data.bin to that")
    if not isinstance(config, ImagesConfig):
        return UserError(what, "choose the data set that the run was trained on")
    if given[0] == wanted[0]:
        return UserError(what, f"data.size=[{wanted[1]},{wanted[2]}] resamples them")
    if wanted[0] == 1:
        return UserError(what, "data.grey=true averages their channels")
    return UserError(what, f"give images with {wanted[0]} channels")


def _with_class_alone(splits: Splits) -> Splits:
    """The images whose class is known; all of a part where none is."""
    train, val = (_classed(part) for part in (splits.train, splits.val))
    n_left_out = len(splits.train) + len(splits.val) - len(train) - len(val)
    if n_left_out:
        log.info(
            f"{n_left_out:,} images without a class are left out: the model needs one of each"
        )
    rest = None if splits.rest is None else _classed(splits.rest)
    return dataclasses.replace(splits, train=train, val=val, rest=rest)


def _classed(images: ImageSet) -> ImageSet:
    """Images whose class is known; all images if none is."""
    known = images.label >= 0
    return images.select(known.nonzero()[:, 0]) if bool(known.any()) else images


def _check_classes(splits: Splits, config: DataConfig, *, labelled: bool, classed: bool) -> None:
    """Say which classes cannot be learned; raise a `UserError` if there is one alone to tell."""
    if len(splits.classes) == 1 and (labelled or classed):
        (name,) = splits.classes
        what = f"all labelled images of data={config.name} are of one class, {name}"
        if labelled:
            raise UserError(what, "label images of another class too, or use model=rvae")
        log.warning(f"{what}: it tells the model nothing that model=rvae would not know")
    n_train, n_val = (
        torch.bincount(part.label[part.label >= 0], minlength=len(splits.classes)).tolist()
        for part in (splits.train, splits.val)
    )
    is_whole = DATASETS[config.kind].load_all is not None and splits.selection is None
    unseen = [
        f"{name} ({n:,} for validation)"
        for name, is_in_training, n in zip(splits.classes, n_train, n_val, strict=True)
        if not is_in_training and (n or is_whole)
    ]
    if unseen and sum(n_train):
        log.warning(
            f"no image to learn from is of {', '.join(unseen)}: another seed=, or a smaller "
            "data.val_share, may leave one in training"
        )


def _corrupted(images: ImageSet, corrupt: Corruption, seed: np.random.SeedSequence) -> ImageSet:
    """Images with fixed corruption, and the clean ones as targets; they have no `unposed`."""
    generator = torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
    corrupted = [corrupt(some, generator) for some in images.images.split(_CHUNK)]
    return dataclasses.replace(
        images, images=torch.cat(corrupted), clean=images.images, unposed=None
    )
