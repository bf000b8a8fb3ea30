"""Readers of Gwyddion's files: .gsf, a header and rows of float32; .gwy through gwyfile."""

from pathlib import Path

import numpy as np

from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    Unreadable,
    refuse_key,
    select_array,
)
from vaerun.data.io.pixel_size import aspect, length_nm
from vaerun.utils.errors import UserError

_MAGIC = b"Gwyddion Simple Field 1.0\n"
_WORD = 4  # bytes: numbers begin at a multiple, after one zero byte or more


def open_gsf(file: Path, selector: ArraySelector) -> LazyArray:
    """The field of a file; raises `Unreadable` if it holds more or fewer numbers than it says."""
    refuse_key(file, selector)
    raw = file.read_bytes()
    end = raw.find(b"\0")
    if not raw.startswith(_MAGIC) or end < 0:
        raise Unreadable(f"{file} does not begin as a .gsf file", "leave it out")
    lines = raw[len(_MAGIC) : end].decode("utf-8", "replace").splitlines()
    header = {name.strip(): value.strip() for name, _, value in (s.partition("=") for s in lines)}
    rows, columns = int(header["YRes"]), int(header["XRes"])
    numbers = raw[end + _WORD - end % _WORD :]
    if min(rows, columns) < 1 or len(numbers) != rows * columns * _WORD:
        what = f"{file} says that it holds {rows}×{columns} numbers, and has {len(numbers) // 4}"
        raise Unreadable(what, "leave it out, or put a good copy there")
    field = np.frombuffer(numbers, "<f4").reshape(rows, columns)
    return _field(field, header.get("YReal"), header.get("XReal"), header.get("XYUnits"))


def open_gwy(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected channel of a file, by its title."""
    try:
        import gwyfile
    except ImportError:
        what = f"{file} takes gwyfile, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    fields = gwyfile.util.get_datafields(gwyfile.load(str(file)))
    shapes = {title: field.data.shape for title, field in fields.items()}
    field = fields[select_array(shapes, file, selector)]
    unit = getattr(field.si_unit_xy, "unitstr", None)
    return _field(np.asarray(field.data), field.yreal, field.xreal, unit)


def _field(field: Array, height: object, width: object, unit: object) -> LazyArray:
    """A field (H, W) with the pixels that its height and width make."""
    sides = [length_nm(side, unit) for side in (height, width)]
    row, column = (s and s / n for s, n in zip(sides, field.shape, strict=True))
    return LazyArray.of(field, column, "YX", aspect=aspect(row, column))
