"""Reader of .emd files: those of Velox (Thermo Fisher), else as HDF5 of any kind, such as NCEM's.

Velox writes ``Data/Image/<number>/Data``, frames along the last axis, and JSON beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vaerun.data.io.hdf5 import open_data_set, open_hdf5
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, select_array
from vaerun.data.io.pixel_size import PixelSize

_IMAGES = "Data/Image"


def open_emd(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected image of a file, by the name of its detector, with its frames."""
    opened = h5py.File(file)
    found = opened.get(_IMAGES)
    if not isinstance(found, h5py.Group):
        opened.close()
        return open_hdf5(file, selector)
    groups: dict[str, tuple[h5py.Dataset, Mapping[str, Any]]] = {}
    for name in found:
        if isinstance(found[name].get("Data"), h5py.Dataset):
            facts = _metadata(found[name])
            detector = str(facts.get("Detector") or name)
            key = detector if detector not in groups else f"{detector}_{name[:6]}"
            groups[key] = found[name]["Data"], facts
    shapes = {key: data.shape[-1:] + data.shape[:-1] for key, (data, _) in groups.items()}
    data, facts = groups[select_array(shapes, file, selector)]
    size = facts.get("PixelSize")
    sides = size if isinstance(size, Mapping) else {}
    units = facts.get("PixelUnitY"), facts.get("PixelUnitX")
    pixel = PixelSize.of(sides.get("height"), sides.get("width"), *units)
    stored = open_data_set(data, file, "YXN" if len(data.shape) == 3 else None)
    return replace(stored, pixel_nm=pixel.nm, aspect=pixel.aspect)


def _metadata(group: h5py.Group) -> Mapping[str, Any]:
    """What Velox says of how an image was taken; empty if it is not there or not readable."""
    try:
        text = np.asarray(group["Metadata"][:, 0], np.uint8).tobytes().split(b"\0")[0]
        facts = json.loads(text)["BinaryResult"]
    except (KeyError, ValueError, TypeError, IndexError):
        return {}
    return facts if isinstance(facts, Mapping) else {}
