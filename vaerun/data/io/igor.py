"""Reader of Igor's binary waves (.ibw), as of atomic force microscopes, through igor2 (`formats`).

The first axis of a wave are the columns of an image, the second its rows; further ones count
layers, which are channels where the wave names them.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from vaerun.data.io.faults import read_by
from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    refuse_key,
    select_array,
)
from vaerun.data.io.pixel_size import PixelSize
from vaerun.utils.errors import UserError

_NEWEST = 5  # version
_HEADERS = {1: 118, 2: 126, 3: 130, _NEWEST: 384}  # bytes that the checksum of a version is of
_HEADER, _FIRST = max(_HEADERS.values()), 64  # bytes of both headers and of the first
_COPY = "leave it out, or put a good copy there"


def open_ibw(file: Path, selector: ArraySelector) -> LazyArray:
    """The wave of a file, or the selected one of its named layers."""
    try:
        from igor2 import binarywave
    except ImportError:
        what = f"{file} takes igor2, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    _check_header(file)
    with read_by("igor2", file):
        wave: Any = binarywave.load(str(file))["wave"]
        data, header = np.asarray(wave["wData"]), wave["wave_header"]
        layers = _layers(data, wave.get("labels") or [])
    if layers:
        shapes = {name: layer.shape for name, layer in layers.items()}
        data = layers[select_array(shapes, file, selector)]
    else:
        refuse_key(file, selector)
    if data.ndim < 2 or selector.curves:
        return LazyArray.of(data)
    steps, units = header["sfA"], [_text(unit) for unit in header["dimUnits"]]
    size = PixelSize.of(steps[1], steps[0], units[1], units[0])
    return LazyArray.of(data, size.nm, "XY" + "N" * (data.ndim - 2), aspect=size.aspect)


def _check_header(file: Path) -> None:
    """Raise `Unreadable` if a header, which igor2 would believe, or the end is damaged."""
    with file.open("rb") as opened:
        raw = opened.read(_HEADER)
    order = "<" if raw[:1] != b"\0" else ">"
    (version,) = struct.unpack(f"{order}h", raw[:2].ljust(2, b"\0"))
    size = _HEADERS.get(version, _HEADER)
    if version not in _HEADERS or sum(struct.unpack(f"{order}{size // 2}h", raw[:size])) % 2**16:
        raise Unreadable(f"{file} has a header that is no Igor wave's, or damaged", _COPY)
    if version == _NEWEST:
        n_bytes = _FIRST + sum(struct.unpack(f"{order}14i", raw[4:60]))
        if n_bytes > file.stat().st_size:
            what = f"{file} says that it holds {n_bytes:,} bytes, and has fewer"
            raise Unreadable(what, _COPY)


def _layers(data: Array, labels: Any) -> dict[str, Array]:
    """Layers of a wave (X, Y, layers) by their names; none where they are not all named."""
    if data.ndim != 3 or len(labels) < 3:
        return {}
    names = [_text(name) for name in labels[2]]
    names = names[-data.shape[2] :]  # the first label is that of the axis
    if len(names) < data.shape[2] or not all(names) or len(set(names)) < len(names):
        return {}
    return {name: data[..., i] for i, name in enumerate(names)}


def _text(value: Any) -> str:
    """Text of characters, or of bytes, up to the first zero."""
    raw = value if isinstance(value, bytes) else np.asarray(value).tobytes()
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()
