"""Files of microscopes, dm3, dm4, emd and ndata, through SciFiReaders."""

import importlib
from functools import partial
from pathlib import Path

import numpy as np

from vaerun.files.stored import Stored, Wanted, choose
from vaerun.microscopy.calibration import length_nm
from vaerun.utils.errors import UserError


def _open(reader: str, file: Path, wanted: Wanted, columns_first: bool) -> Stored:
    """What one of SciFiReaders' readers makes of a file: a dict of sidpy data sets, by channel."""
    try:
        module = importlib.import_module("SciFiReaders")
    except ImportError:
        mend = "pip install 'vaerun[formats]'"
        raise UserError(f"{file} takes SciFiReaders, which is not installed", mend) from None
    datasets = {
        name: dataset
        for name, dataset in getattr(module, reader)(str(file)).read().items()
        if dataset.data_type.name in ("IMAGE", "IMAGE_STACK")
    }
    dataset = datasets[choose({name: d.shape for name, d in datasets.items()}, file, wanted)]
    axes = [getattr(dataset, f"dim_{i}") for i in range(dataset.ndim)]
    sides = [i for i, axis in enumerate(axes) if axis.dimension_type.name == "SPATIAL"]
    sides = sides if len(sides) == 2 else [0, 1]  # not calibrated: frames are the last axis
    images = np.moveaxis(np.asarray(dataset), sides, (-1, -2) if columns_first else (-2, -1))
    step = axes[sides[0]]
    return Stored.of(images, length_nm(step[1] - step[0], step.units))


open_dm = partial(_open, "DMReader", columns_first=True)
open_emd = partial(_open, "EMDReader", columns_first=False)
open_nion = partial(_open, "NionReader", columns_first=True)
