"""The pixel size of a frame, from what its file says."""

import json
from collections.abc import Mapping
from typing import Any

_SCAN_KEYS = ("scan size", "scan_size")
_PIXEL_KEYS = ("pixel_size_nm", "pixel_nm", "scale_nm", "nm_per_pixel")
_IN_PM = 1000  # a scan of so much or more is in pm: no frame of atoms is a micrometre wide


def pixel_nm(facts: Mapping[str, Any], width: int) -> float | None:
    """The side of a pixel in nm, or None where nothing tells it.

    Parameters
    ----------
    facts
        Attributes by name. ``pixel_size_nm`` and the like are taken as they are; ``scan size`` is
        the width of the frame, in nm below 1000 and in pm from there on. Text may hold JSON.
    width
        Of the frame, pixels.
    """
    facts = {str(key).strip().lower(): value for key, value in facts.items()}
    for name in _PIXEL_KEYS:
        if (size := _number(facts.get(name))) is not None:
            return size
    for name in _SCAN_KEYS:
        if (scan := _number(facts.get(name))) is not None:
            return (scan / 1000 if scan >= _IN_PM else scan) / width
    for value in facts.values():
        inner = _mapping(value)
        if inner is not None and (found := pixel_nm(inner, width)) is not None:
            return found
    return None


def _number(value: Any) -> float | None:
    """A positive number, also one written as text."""
    try:
        number = float(value.decode() if isinstance(value, bytes) else value)
    except (TypeError, ValueError, UnicodeDecodeError):
        return None
    return number if 0 < number < float("inf") else None


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, or the JSON text of one."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, bytes | str) and len(value) < 1_000_000:
        try:
            inner = json.loads(value)
        except ValueError:
            return None
        return inner if isinstance(inner, Mapping) else None
    return None
