"""Pictures: TIFF, which may be stacks and know the size of their pixels, PNG and JPEG."""

from pathlib import Path

import numpy as np

from vaerun.files.stored import Stored, Wanted, refuse_key
from vaerun.microscopy.calibration import imagej_pixel_nm, ome_pixel_nm

# how to look at what is neither intensities nor red, green and blue
_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LA": "L", "La": "L"}


def open_tiff(file: Path, wanted: Wanted) -> Stored:
    """The largest series of a TIFF file, colours last."""
    import tifffile  # slow to import

    refuse_key(file, wanted)
    with tifffile.TiffFile(file) as opened:
        series = max(opened.series, key=lambda one: one.size)
        images = series.asarray()
        in_colour = "S" in series.axes  # which may come before rows and columns
        if in_colour:
            images = np.moveaxis(images, series.axes.index("S"), -1)
        resolution = opened.pages.first.tags.valueof("XResolution")
        size = ome_pixel_nm(opened.ome_metadata)
        return Stored.of(
            images,
            size or imagej_pixel_nm(opened.imagej_metadata, resolution),
            images.ndim - 1 if in_colour else None,
        )


def open_picture(file: Path, wanted: Wanted) -> Stored:
    """A PNG or JPEG picture, (H, W) or (H, W, colours)."""
    from PIL import Image  # slow to import

    refuse_key(file, wanted)
    with Image.open(file, formats=["PNG", "JPEG"]) as opened:
        mode = _MODES.get(opened.mode)
        picture = np.asarray(opened if mode is None else opened.convert(mode))
    return Stored.of(picture, colour_axis=2 if picture.ndim == 3 else None)
