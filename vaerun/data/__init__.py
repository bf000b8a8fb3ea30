"""The data sets, by the `kind` that a config names."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from vaerun.data import cards, mnist
from vaerun.data.config import DataConfig
from vaerun.data.sets import ImageSet, Splits

__all__ = ["DATASETS", "DataConfig", "Dataset", "ImageSet", "Splits", "load"]


class Dataset(NamedTuple):
    """A kind of data set.

    Attributes
    ----------
    config
        The dataclass of its keys.
    load
        Takes that config and a seed; the same two give the same images.
    load_labelled
        Likewise the labelled images that a semi-supervised model learns from, drawn apart.
    """

    config: type[DataConfig]
    load: Callable[[Any, int], Splits]
    load_labelled: Callable[[Any, int], ImageSet]


DATASETS: dict[str, Dataset] = {
    "cards": Dataset(cards.CardsConfig, cards.load, cards.load_labelled),
    "mnist": Dataset(mnist.MnistConfig, mnist.load, mnist.load_labelled),
}


def load(config: DataConfig, seed: int, *, labelled: bool = False) -> Splits:
    """The data set that a config describes; the same config and seed give the same images.

    Parameters
    ----------
    config
        Of any kind.
    seed
        Of all random numbers.
    labelled
        Whether a labelled set is wanted too.
    """
    kind = DATASETS[config.kind]
    splits = kind.load(config, seed)
    if labelled:
        splits = dataclasses.replace(splits, labelled=kind.load_labelled(config, seed))
    return splits
