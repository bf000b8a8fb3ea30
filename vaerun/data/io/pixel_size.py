"""Pixel sizes in nm from the metadata of files."""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from vaerun.microscopy.frame import SAME_SIZE

_SCAN_KEYS = ("scan size", "scan_size")
_PIXEL_KEYS = dict.fromkeys(("pixel_size_nm", "pixel_nm", "scale_nm", "nm_per_pixel"), "nm")
_PIXEL_KEYS |= {"element_size_um": "um"}  # of ImageJ's and ilastik's HDF5 files
_MOST_AXES = 3
_IN_PM = 1000  # a scan size this large is in pm: no frame of atoms is a micrometre wide
_NM = {
    "pm": 1e-3,
    "picometer": 1e-3,
    "å": 0.1,
    "angstrom": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "m": 1e9,
}
_NM |= dict.fromkeys(("μm", "um", "\\u00b5m", "micron", "microns", "micrometer"), 1e3)


def length_nm(value: object, unit: object) -> float | None:
    """A length in nm; None if it is no positive number, or the unit is not one for atoms."""
    number = _positive(value)
    factor = _NM.get(unicodedata.normalize("NFKC", str(unit)).strip().lower())
    return None if number is None or factor is None else number * factor


class PixelSize(NamedTuple):
    """Width of a pixel in nm, None if unknown, and its height over its width, 1 if unknown."""

    nm: float | None = None
    aspect: float = 1.0

    @classmethod
    def of(cls, row: object, column: object, row_unit: object, unit: object) -> "PixelSize":
        """From steps from row to row and from column to column, and their units."""
        alike = str(row_unit).strip() == str(unit).strip()
        height, width = length_nm(row, row_unit), length_nm(column, unit)
        sides = (_positive(row), _positive(column)) if alike else (height, width)
        return cls(width, aspect(*sides))


def aspect(height: float | None, width: float | None) -> float:
    """Height over width of pixels of these sides; 1 if one is unknown, or they are about equal."""
    if not height or not width or max(height, width) <= SAME_SIZE * min(height, width):
        return 1.0
    return height / width


def oblong(
    files: Sequence[tuple[str, float | None, float]], remedy: str = "scale the rows"
) -> str | None:
    """A warning of pixels that are no squares; None if all are.

    Parameters
    ----------
    files
        Name, width of a pixel in nm and height over width of it, for each file.
    remedy
        What to do.
    """
    wrong = [one for one in files if one[2] != 1]
    if not wrong:
        return None
    name, nm, ratio = wrong[0]
    sides = f"{ratio:.3g} times as high as wide"
    if nm is not None:
        sides = f"{nm:.3g} nm wide and {ratio * nm:.3g} nm high"
    where = name if len(wrong) == 1 else f"{len(wrong):,} files, such as {name}"
    return (
        f"pixels of {where} are {sides}, and are taken for squares, so that what turns changes "
        f"its shape: {remedy}"
    )


def ome_pixel_sizes(xml: str | None) -> list[PixelSize]:
    """Size of the pixels of each series by the OME metadata of a TIFF file."""
    try:
        elements = ElementTree.fromstring(xml).iter() if xml else iter(())
    except ElementTree.ParseError:
        return []
    return [
        PixelSize.of(
            one.get("PhysicalSizeY"),
            one.get("PhysicalSizeX"),
            one.get("PhysicalSizeYUnit", "μm"),
            one.get("PhysicalSizeXUnit", "μm"),
        )
        for one in elements
        if one.tag.endswith("Pixels")
    ]


def imagej_pixel_size(
    metadata: Mapping[str, Any] | None, rows: object, columns: object
) -> PixelSize:
    """Size of a pixel by the ImageJ metadata of a TIFF file.

    Parameters
    ----------
    metadata
        Those of ImageJ, with ``unit`` if the image is calibrated.
    rows, columns
        Pixels per unit along a column and a row, as the fractions in the TIFF tags: (numerator,
        denominator).
    """
    if not metadata or "unit" not in metadata:
        return PixelSize()
    unit = metadata["unit"]
    return PixelSize.of(_inverse(rows), _inverse(columns), metadata.get("yunit", unit), unit)


def _inverse(fraction: object) -> float | None:
    """Denominator over numerator of a fraction in a TIFF tag; None if there is none."""
    if not isinstance(fraction, tuple) or len(fraction) != 2 or not fraction[0]:
        return None
    return float(fraction[1] / fraction[0])


def _positive(value: object) -> float | None:
    """The finite number above 0 in a number, text, or array of one element; else None."""
    try:
        number = float(np.asarray(value).item())
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def pixel_nm(facts: Mapping[str, Any], width: int) -> float | None:
    """Width of a pixel in nm by the attributes of a file, see `pixel_size`."""
    return pixel_size(facts, width).nm


def pixel_size(facts: Mapping[str, Any], width: int) -> PixelSize:
    """Size of a pixel by the attributes of a file.

    Parameters
    ----------
    facts
        Attributes by name. ``pixel_size_nm`` and the like are in nm, a number or those of the
        axes, the last of which is that of the columns; ``scan size`` is the width of
        the frame, in nm below 1000 and in pm from there on. Text may contain JSON.
    width
        Width of the frame, pixels.
    """
    facts = {str(key).strip().lower(): value for key, value in facts.items()}
    for name, unit in _PIXEL_KEYS.items():
        *_, row, column = (None, *_numbers(facts.get(name)))
        size = PixelSize.of(row, column, unit, unit)
        if size.nm is not None:
            return size
    for name in _SCAN_KEYS:
        if (scan := _positive(facts.get(name))) is not None:
            return PixelSize((scan / 1000 if scan >= _IN_PM else scan) / width)
    for value in facts.values():
        inner = _mapping(value)
        if inner is not None and (size := pixel_size(inner, width)).nm is not None:
            return size
    return PixelSize()


def _numbers(value: object) -> list[Any]:
    """A number, or the two or three of axes; [None] for anything else."""
    try:
        numbers = np.asarray(value).reshape(-1).tolist()
    except ValueError:  # of a ragged list
        numbers = []
    return numbers if 1 <= len(numbers) <= _MOST_AXES else [None]


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
