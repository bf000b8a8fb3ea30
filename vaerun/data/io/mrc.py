"""Reader of MRC files (.mrc, .mrcs) of any program, through mrcfile, the extra ``formats``."""

from pathlib import Path

import numpy as np

from vaerun.data.io.lazy_array import ArraySelector, LazyArray, refuse_key
from vaerun.data.io.pixel_size import PixelSize
from vaerun.utils.errors import UserError

_AXES = {2: "YX", 3: "NYX", 4: "NNYX"}


def open_mrc(file: Path, selector: ArraySelector) -> LazyArray:
    """The image, or all images or slices, of a file."""
    try:
        import mrcfile
    except ImportError:
        what = f"{file} takes mrcfile, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    refuse_key(file, selector)
    with mrcfile.open(file) as opened:
        images = np.asarray(opened.data)
        voxel = opened.voxel_size  # 0 where it is unknown
        size = PixelSize.of(float(voxel.y), float(voxel.x), "Å", "Å")
    return LazyArray.of(images, size.nm, _AXES.get(images.ndim), aspect=size.aspect)
