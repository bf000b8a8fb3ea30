"""Pixel sizes in nm from the metadata of files."""

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import numpy as np

_SCAN_KEYS = ("scan size", "scan_size")
_PIXEL_KEYS = ("pixel_size_nm", "pixel_nm", "scale_nm", "nm_per_pixel")
_IN_PM = 1000  # a scan size this large is in pm: no frame of atoms is a micrometre wide
_NM = {"pm": 1e-3, "å": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "m": 1e9}
_NM |= dict.fromkeys(("μm", "um", "\\u00b5m", "micron", "microns", "micrometer"), 1e3)


def length_nm(value: object, unit: object) -> float | None:
    """A length in nm; None if it is no positive number, or the unit is not one for atoms."""
    number = _positive(value)
    factor = _NM.get(unicodedata.normalize("NFKC", str(unit)).strip().lower())
    return None if number is None or factor is None else number * factor


def ome_pixel_nm(xml: str | None) -> float | None:
    """Side of a pixel in nm by the OME metadata of a TIFF file; None if they lack it."""
    try:
        elements = ElementTree.fromstring(xml).iter() if xml else iter(())
    except ElementTree.ParseError:
        return None
    sizes = (
        length_nm(one.get("PhysicalSizeX"), one.get("PhysicalSizeXUnit", "μm"))
        for one in elements
        if one.tag.endswith("Pixels")
    )
    return next(sizes, None)


def imagej_pixel_nm(metadata: Mapping[str, Any] | None, resolution: object) -> float | None:
    """Side of a pixel in nm by the ImageJ metadata of a TIFF file; None if they lack it.

    Parameters
    ----------
    metadata
        Those of ImageJ, with ``unit`` if the image is calibrated.
    resolution
        Pixels per unit along a row, as the fraction in the TIFF tag: (numerator, denominator).
    """
    if not metadata or "unit" not in metadata or not isinstance(resolution, tuple):
        return None
    numerator, denominator = resolution
    return length_nm(denominator / numerator, metadata["unit"]) if numerator else None


def _positive(value: object) -> float | None:
    """The finite number above 0 in a number, text, or array of one element; else None."""
    try:
        number = float(np.asarray(value).item())
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def pixel_nm(facts: Mapping[str, Any], width: int) -> float | None:
    """Side of a pixel in nm by the attributes of a file; None if they lack it.

    Parameters
    ----------
    facts
        Attributes by name. ``pixel_size_nm`` and the like are in nm; ``scan size`` is the width of
        the frame, in nm below 1000 and in pm from there on. Text may contain JSON.
    width
        Width of the frame, pixels.
    """
    facts = {str(key).strip().lower(): value for key, value in facts.items()}
    for name in _PIXEL_KEYS:
        if (size := _positive(facts.get(name))) is not None:
            return size
    for name in _SCAN_KEYS:
        if (scan := _positive(facts.get(name))) is not None:
            return (scan / 1000 if scan >= _IN_PM else scan) / width
    for value in facts.values():
        inner = _mapping(value)
        if inner is not None and (size := pixel_nm(inner, width)) is not None:
            return size
    return None


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, or that of its JSON text; else None."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, bytes | str) and len(value) < 1_000_000:
        try:
            inner = json.loads(value)
        except ValueError:
            return None
        return inner if isinstance(inner, Mapping) else None
    return None
