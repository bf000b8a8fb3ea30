"""The data sets, by the `kind` that a config names."""

from vaerun.data.config import DataConfig
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.load import DATASETS, Dataset, load, load_all

__all__ = ["DATASETS", "DataConfig", "Dataset", "ImageSet", "Splits", "load", "load_all"]
