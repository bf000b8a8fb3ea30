"""Small files of images."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tifffile
import torch
from PIL import Image

from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.image_set import as_tensor
from vaerun.data.load import load_all

N = 12
RAMP = np.arange(N * 10 * 14).reshape(N, 10, 14)
Make = Callable[..., ImagesConfig]


def write(path: Path, array: np.ndarray) -> None:
    """A file of an array, by its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, images=array, other=np.zeros((300, 30)))
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            file.create_dataset("deep/images", data=array, chunks=True, compression="gzip")
            file["table"] = np.zeros((500, 30))
    elif path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, array)
    else:
        Image.fromarray(array).save(path)


def all_of(config: ImagesConfig) -> torch.Tensor:
    """Every image, (N, C, H, W)."""
    return as_tensor(load_all(config, 0).images.images)
