"""Classes and factors of the user's images, from a table, a file or the names of folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun import geometry
from vaerun.data.io.formats import natural_order
from vaerun.data.io.lazy_array import Array
from vaerun.data.io.tables import Table, names_beside, read_beside
from vaerun.data.lazy.image_files import ImageFile, ImageFiles
from vaerun.utils.errors import UserError, closest, format_value

# N images.

Ints = npt.NDArray[np.int64]

_MOST_CLASSES = 1024
_MISSING = ("", "-1", "nan", "none", "null")
_FULL_TURN = 2 * np.pi + 1e-3  # radians, with room for rounding


def encode_classes(
    values: Array, key: str, classes: Sequence[str] | None = None
) -> tuple[Tensor, list[str]]:
    """Classes as numbers, (N,) int64, −1 where missing, and the names of the classes in order.

    Parameters
    ----------
    values
        Whole numbers or text; empty values, −1 and NaN are missing.
    key
        Config key that named the values, for messages.
    classes
        Names of the classes, in the order of their numbers, others being treated as missing; None
        for all that occur.
    """
    text = np.array([_word(value) for value in values.tolist()])
    present = sorted(
        {word for word in text.tolist() if word.lower() not in _MISSING}, key=natural_order
    )
    if all(_is_number(word) for word in present):
        broken = next((word for word in present if not float(word).is_integer()), None)
        if broken is not None:
            what = f"{key} has values that are no classes, such as {broken}"
            raise UserError(what, "name it in data.factors instead")
        whole = {word: str(int(float(word))) for word in present}
        text = np.array([whole.get(word, word) for word in text.tolist()])
        present = sorted(set(whole.values()), key=int)
    if len(present) > _MOST_CLASSES:
        raise UserError(f"{key} has {len(present)} classes", f"give at most {_MOST_CLASSES}")
    names = present if classes is None else list(classes)
    number = {name: j for j, name in enumerate(names)}
    return torch.tensor([number.get(word, -1) for word in text.tolist()]), names


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(int(value) if isinstance(value, bool) else value).strip()


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def parse_factor(values: Array, name: str) -> Tensor:
    """Factor as numbers, (N,) float32, NaN where missing; ``angle`` in [−π, π) radians."""
    try:
        if values.dtype.kind == "U":
            values = np.where(values == "", "nan", values)
        factor = torch.from_numpy(values.astype(np.float64))
    except ValueError:
        wrong = next(v for v in values.tolist() if not _is_number(v) and v.lower() != "nan")
        what = f"data.factors=[{name}] holds {format_value(wrong)}, which is no number"
        raise UserError(what, "name classes by data.label") from None
    if name == "angle":
        largest = float(factor.abs().nan_to_num(0).max())
        if largest > _FULL_TURN:
            what = f"data.factors=[angle] goes up to {largest:g}: more than a full turn in radians"
            raise UserError(what, "give radians, or call it otherwise")
        return geometry.wrap(factor.float())
    return factor.float()


@dataclass(frozen=True)
class Annotations:
    """Values of each image by name, from a table or from the files of the images."""

    source: ImageFiles
    table: Table | None  # with a row for each image, or with a column ``file``
    folder: Path  # that the names in ``file`` are relative to

    def values(self, name: str, key: str) -> Array:
        """Values (N,), numbers or text, of a column of the table or a data set beside the images.

        Messages mention the config key that named it.
        """
        if self.table is not None and name in self.table.columns:
            column = np.append(self.table.columns[name], "")
            return column[_rows(self.source, self.table, self.folder)]
        beside = [names_beside(e.file, e.axes.n) for e in self.source.entries]
        wanted = name.strip("/")
        if all(wanted in names for names in beside):
            files = [entry.file for entry in self.source.entries]
            return np.concatenate([read_beside(file, wanted) for file in files])
        for entry in self.source.entries:
            _check_axes(entry, wanted, key)
        known = sorted({*(self.table.columns if self.table else ()), *beside[0]})
        what = f"data.{key}={name} is neither a column of data.table nor a data set of one value"
        hint = f"did you mean {closest(name, known)}" if known else "name a file by data.table="
        raise UserError(f"{what} for each image", hint)


def _check_axes(entry: ImageFile, name: str, key: str) -> None:
    """Raise a `UserError` if there is a value for each place along another axis of the array."""
    for i, n in enumerate(entry.array_shape):
        if n != entry.axes.n and name in names_beside(entry.file, n):
            letters = ["Y", "X"]
            letters.insert(i, "N")
            axis = "last axis" if i == len(entry.array_shape) - 1 else f"axis {i}"
            raise UserError(
                f"data.{key}={name} has {n:,} values, as many as the {axis} of the array "
                f"{entry.array_shape} in {entry.file} is long, which is taken for "
                f"{entry.axes.n:,} images",
                f"if images lie along the {axis} type data.axes={''.join(letters)}",
            )


def _rows(source: ImageFiles, table: Table, folder: Path) -> Ints:
    """Row of the table for each image, (N,); −1 for an image that the table does not name."""
    if "file" not in table.columns:
        if len(table) != len(source) or source.skipped:
            n = f"{len(source)}" + (f" and {len(source.skipped)} skipped" * bool(source.skipped))
            what = f"data.table={table.path} has {len(table)} rows for {n} images"
            raise UserError(what, "give one for each image, or name the files in a column 'file'")
        return np.arange(len(source))
    named: dict[str, list[int]] = {}
    for row, name in enumerate(table.columns["file"].tolist()):
        named.setdefault(Path(name).as_posix(), []).append(row)
    parts, used = [], set[str]()
    for entry in source.entries:
        path = entry.file
        below = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
        name = next((s for s in (below, path.name, path.stem) if s in named), None)
        rows = [-1] if name is None else named[name]
        if name in used or len(rows) not in (1, entry.axes.n):
            what = f"data.table={table.path} leaves open which image {format_value(name)} means"
            raise UserError(what, "give paths from data.path on, one row for each image")
        used |= set() if name is None else {name}
        parts.append(np.resize(np.array(rows), entry.axes.n))
    if not used:
        first = table.columns["file"][0]
        what = f"data.table={table.path} names no file of data.path ({first}, …)"
        raise UserError(what, "give names as they are in that folder")
    return np.concatenate(parts)
