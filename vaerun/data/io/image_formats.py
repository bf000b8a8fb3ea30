"""Readers of image files: TIFF, PNG and JPEG; dm3, dm4, emd and ndata through SciFiReaders."""

import importlib
from functools import partial
from pathlib import Path

import numpy as np

from vaerun.data.io.lazy_array import ArraySelector, LazyArray, refuse_key, select_array
from vaerun.data.io.pixel_size import imagej_pixel_nm, length_nm, ome_pixel_nm
from vaerun.utils.errors import UserError

# Pillow modes that are neither intensities nor RGB, and the mode they are converted to
_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "L", "La": "L"}


def open_tiff(file: Path, selector: ArraySelector) -> LazyArray:
    """The largest series of a TIFF file, with colour as its last axis."""
    import tifffile  # slow to import

    refuse_key(file, selector)
    with tifffile.TiffFile(file) as opened:
        series = max(opened.series, key=lambda one: one.size)
        images = series.asarray()
        in_colour = "S" in series.axes
        if in_colour:
            images = np.moveaxis(images, series.axes.index("S"), -1)
        resolution = opened.pages.first.tags.valueof("XResolution")
        size = ome_pixel_nm(opened.ome_metadata)
        return LazyArray.of(
            images,
            size or imagej_pixel_nm(opened.imagej_metadata, resolution),
            images.ndim - 1 if in_colour else None,
        )


def open_picture(file: Path, selector: ArraySelector) -> LazyArray:
    """The image of a PNG or JPEG file, (H, W) or (H, W, colours)."""
    from PIL import Image  # slow to import

    refuse_key(file, selector)
    with Image.open(file, formats=["PNG", "JPEG"]) as opened:
        mode = _MODES.get(opened.mode)
        picture = np.asarray(opened if mode is None else opened.convert(mode))
    return LazyArray.of(picture, colour_axis=2 if picture.ndim == 3 else None)


def _open(reader: str, file: Path, selector: ArraySelector, columns_first: bool) -> LazyArray:
    """The selected image or stack of a file that a reader of SciFiReaders opens.

    ``columns_first``: whether that reader puts columns before rows.
    """
    try:
        module = importlib.import_module("SciFiReaders")
    except ImportError:
        what = f"{file} takes SciFiReaders, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    datasets = {
        name: dataset
        for name, dataset in getattr(module, reader)(str(file)).read().items()
        if dataset.data_type.name in ("IMAGE", "IMAGE_STACK")
    }
    shapes = {name: dataset.shape for name, dataset in datasets.items()}
    dataset = datasets[select_array(shapes, file, selector)]
    axes = [getattr(dataset, f"dim_{i}") for i in range(dataset.ndim)]
    sides = [i for i, axis in enumerate(axes) if axis.dimension_type.name == "SPATIAL"]
    sides = sides if len(sides) == 2 else [0, 1]  # uncalibrated: frames are the last axis
    images = np.moveaxis(np.asarray(dataset), sides, (-1, -2) if columns_first else (-2, -1))
    step = axes[sides[0]]
    return LazyArray.of(images, length_nm(step[1] - step[0], step.units))


open_dm = partial(_open, "DMReader", columns_first=True)
open_emd = partial(_open, "EMDReader", columns_first=False)
open_nion = partial(_open, "NionReader", columns_first=True)
