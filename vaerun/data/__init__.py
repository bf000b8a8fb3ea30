"""The data sets, by the `kind` that a config names."""

from vaerun.data.config import DataConfig
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.load import DATASETS, Dataset, everything, load

__all__ = ["DATASETS", "DataConfig", "Dataset", "ImageSet", "Splits", "everything", "load"]
