"""The data sets, by the `kind` that a config names."""

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
    """

    config: type[DataConfig]
    load: Callable[[Any, int], Splits]


DATASETS: dict[str, Dataset] = {
    "cards": Dataset(cards.CardsConfig, cards.load),
    "mnist": Dataset(mnist.MnistConfig, mnist.load),
}


def load(config: DataConfig, seed: int) -> Splits:
    """The data set that a config describes; the same config and seed give the same images."""
    return DATASETS[config.kind].load(config, seed)
