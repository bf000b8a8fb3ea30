"""Reader of files of microscopes through RosettaSciIO (GPL licence), the extra ``formats-gpl``."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.faults import read_by
from vaerun.data.io.lazy_array import ArraySelector, LazyArray, Unreadable, select_array
from vaerun.data.io.pixel_size import PixelSize
from vaerun.utils.errors import UserError

# Name of the plug-in by the ending of a file.
PLUGINS = {
    ".bcf": "bruker",
    ".blo": "blockfile",
    ".tvips": "tvips",
    ".mib": "quantumdetector",
    ".ser": "tia", ".emi": "tia",
    ".prz": "pantarhei",
    ".app5": "topspin",
    ".asw": "jeol", ".pts": "jeol",
    ".unf": "semper",
    ".rpl": "ripple",
    ".sur": "digitalsurf",
    ".elid": "phenom",
    ".wdf": "renishaw",
    ".de5": "emd",
    ".mrcz": "mrcz",
}  # fmt: skip


def open_with_rosettasciio(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected image or stack of a file that one of RosettaSciIO's plug-ins opens."""
    try:
        plugin = importlib.import_module(f"rsciio.{PLUGINS[file.suffix.lower()]}")
    except ImportError as error:
        if not (error.name or "").startswith("rsciio"):  # what the plug-in itself takes
            raise
        what = f"{file} takes RosettaSciIO, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats-gpl]'") from None
    signals: dict[str, tuple[Any, Sequence[Mapping[str, Any]]]] = {}
    read, notes = _read(plugin, file)
    for i, signal in enumerate(read):
        title = signal.get("metadata", {}).get("General", {}).get("title") or f"signal_{i}"
        name = title if title not in signals else f"{title}_{i}"
        signals[name] = signal["data"], signal["axes"]
    signals = {name: one for name, one in signals.items() if _letters(one[1]) is not None}
    shapes = {name: tuple(data.shape) for name, (data, _) in signals.items()}
    data, axes = signals[select_array(shapes, file, selector)]
    letters = _letters(axes)
    assert letters is not None
    row, column = (axes[letters.index(letter)] for letter in "YX")
    size = PixelSize.of(
        row.get("scale"), column.get("scale"), row.get("units"), column.get("units")
    )
    return LazyArray.of(np.asarray(data), size.nm, letters, notes, aspect=size.aspect)


def _read(plugin: Any, file: Path) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """The signals of a file, and what the plug-in warns of; `Unreadable` if it fills in zeros."""
    how: dict[str, Any] = {}
    notes: list[str] = []
    with read_by("RosettaSciIO", file), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if file.suffix.lower() == ".mib":
            how, notes = _all_frames(plugin, file)
        read = plugin.file_reader(str(file), **how)
    words = [" ".join(str(one.message).split()) for one in said if one.category is UserWarning]
    if any("zero padding" in one for one in words):
        what = f"{file} cannot be read: it ends before the last of the images that it names"
        raise Unreadable(what, "leave it out, or put a good copy there")
    return read, [*notes, *(f"{file.name}: {one}" for one in dict.fromkeys(words))]


def _all_frames(plugin: Any, file: Path) -> tuple[dict[str, Any], list[str]]:
    """What makes the plug-in of .mib files read all frames, and a note on one that is cut short.

    By itself it takes them for a scan whose lines it guesses from the times of the frames, and
    goes without those of an unfinished line.
    """
    frames, headers = plugin.load_mib_data(str(file), return_headers=True)
    n_bytes = len(headers) * (headers.dtype.itemsize + frames[0].nbytes)
    rest = file.stat().st_size - n_bytes
    note = f"{file.name} ends within a frame: the {len(headers):,} before it are read"
    return {"navigation_shape": (len(headers), 1)}, [note] if rest else []


def _letters(axes: Sequence[Mapping[str, Any]]) -> str | None:
    """Letters of the axes, in the order of the array; None of what is no image."""
    signal = [i for i, axis in enumerate(axes) if not axis.get("navigate", False)]
    if not signal and len(axes) == 2:
        signal = [0, 1]
    if len(signal) < 2:
        return None
    letters = ["N"] * len(axes)
    letters[signal[-2]], letters[signal[-1]] = "Y", "X"
    return "".join(letters)
