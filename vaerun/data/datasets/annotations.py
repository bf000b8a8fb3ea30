"""Classes and factors of the user's images, from a table, a file or the names of folders."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun import geometry
from vaerun.data.datasets.table_rows import rows_of_images
from vaerun.data.io.formats import natural_order
from vaerun.data.io.lazy_array import Array
from vaerun.data.io.tables import Table, names_beside, read_beside
from vaerun.data.io.written_numbers import is_number, to_numbers, unproven
from vaerun.data.lazy.image_files import ImageFile, ImageFiles
from vaerun.utils.errors import UserError, closest, format_value
from vaerun.utils.text import as_text

# N images.

Ints = npt.NDArray[np.int64]

log = logging.getLogger(__name__)

_MOST_CLASSES = 1024
_MISSING = ("", "nan")  # in small letters
_FULL_TURN = 2 * np.pi + 1e-3  # radians, with room for rounding


class Classes(NamedTuple):
    """Classes of N images.

    Attributes
    ----------
    label
        (N,) int64, −1 where missing.
    names
        Of the classes, in the order of their numbers.
    missing
        How many images have each of the values that are no class.
    """

    label: Tensor
    names: list[str]
    missing: Mapping[str, int]


def encode_classes(
    values: Array, key: str, classes: Sequence[str] | None = None, *, may_miss: bool = True
) -> Classes:
    """Classes as numbers; which values are no class is part of the result.

    Parameters
    ----------
    values
        (N,) whole numbers or text. Empty values and NaN are missing. So is −1 if it is one of
        three whole numbers or more, no other is below 0, and no value is empty or NaN, which
        would be the mark of a missing one.
    key
        Config key that named the values, for messages.
    classes
        Names of the classes, in the order of their numbers, others being treated as missing; None
        for all that occur.
    may_miss
        Whether values can be missing: names of folders cannot.
    """
    text = [_word(value) for value in values.tolist()]
    present = {word for word in text if not may_miss or word.lower() not in _MISSING}
    in_order: Callable[[str], Any] = natural_order
    if all(map(is_number, present)):
        in_order = int
        broken = next((word for word in sorted(present) if not float(word).is_integer()), None)
        if broken is not None:
            what = f"{key} has values that are no classes, such as {broken}"
            raise UserError(what, "name it in data.factors instead")
        whole = {word: str(int(float(word))) for word in present}
        if _are_names(present, whole):
            whole = {word: word for word in present}
        text = [whole.get(word, word) for word in text]
        present = set(whole.values())
    if may_miss and classes is None and present.issuperset(text) and _is_code("-1", present):
        present.discard("-1")
    if len(present) > _MOST_CLASSES:
        raise UserError(f"{key} has {len(present)} classes", f"give at most {_MOST_CLASSES}")
    names = sorted(sorted(present), key=in_order) if classes is None else list(classes)
    number = {name: j for j, name in enumerate(names)}
    label = torch.tensor([number.get(word, -1) for word in text], dtype=torch.int64)
    missing = Counter(word for word in text if word not in number)
    return Classes(label, names, dict(missing.most_common()))


def _are_names(present: Collection[str], whole: Mapping[str, str]) -> bool:
    """Whether some numbers differ in the zeros before them alone, so that they are names."""
    alike = Counter(whole[word] for word in present if word.isdecimal())
    return any(n > 1 for n in alike.values())


def _is_code(word: str, present: Collection[str]) -> bool:
    """Whether −1 means no class: there are two others or more, all of them numbers from 0 on."""
    others = set(present) - {word}
    counts = all(is_number(other) and float(other) >= 0 for other in others)
    return word in present and len(others) > 1 and counts


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = as_text(str(int(value) if isinstance(value, bool) else value).strip())
    return " ".join(text.splitlines())


def parse_factor(values: Array | Sequence[float | None], name: str, cells: Array) -> Tensor:
    """Factor as numbers, (N,) float32, NaN where missing; ``angle`` in [−π, π) radians.

    Parameters
    ----------
    values
        (N,) numbers, None where a cell holds none.
    name
        Name of the factor.
    cells
        (N,) what was written, for messages.
    """
    wrong = next((cell for n, cell in zip(values, cells, strict=True) if n is None), None)
    if wrong is not None:
        what = f"data.factors=[{name}] holds {format_value(wrong)}, which is no number"
        if "," in str(wrong) and is_number(str(wrong).replace(",", "")):
            hint = "write it without the comma, or with a point: nothing shows which it means"
            raise UserError(what, hint)
        raise UserError(what, "name classes by data.label, leave a cell empty where it is missing")
    factor = torch.from_numpy(np.asarray(values, np.float64))
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
    table: Table | None  # with a row for each image, or with a column that names the files
    folder: Path  # that the names of files are relative to
    used: Sequence[str] = ()  # names of labels and factors

    def values(self, name: str, key: str) -> Array:
        """Values (N,), numbers or text, of a column of the table or a data set beside the images.

        Messages mention the config key that named it.
        """
        if self.table is not None and name in self.table.columns:
            return np.append(self.table.columns[name], "")[self._rows]
        entries = self.source.entries
        beside = [{as_text(n): n for n in names_beside(e.file, e.axes.n)} for e in entries]
        wanted = as_text(name.strip("/"))
        if all(wanted in names for names in beside):
            pairs = zip(entries, beside, strict=True)
            return np.concatenate([read_beside(e.file, names[wanted]) for e, names in pairs])
        for entry in entries:
            _check_axes(entry, wanted, key)
        known = sorted({*(self.table.columns if self.table else ()), *beside[0]})
        what = f"data.{key}={name} is neither a column of data.table nor a data set of one value"
        hint = f"did you mean {closest(name, known)}" if known else "name a file by data.table="
        raise UserError(f"{what} for each image", hint)

    def factor(self, name: str) -> Tensor:
        """A factor (N,); see `parse_factor`."""
        cells = self.values(name, "factors")
        if cells.dtype.kind != "U":
            return parse_factor(cells, name, cells)
        if self.table is None or name not in self.table.columns:
            return parse_factor(to_numbers(cells.tolist(), None), name, cells)
        numbers = [*self.table.numbers(name), float("nan")]  # the last where no row names an image
        open_one = unproven(column := self.table.cells(name))
        if open_one is not None and (number := numbers[column.index(open_one)]) is not None:
            log.info(f"{self.table.key}: {open_one} in column '{name}' was read as {number:g}")
        return parse_factor([numbers[row] for row in self._rows], name, cells)

    @cached_property
    def _rows(self) -> Ints:
        """Row of the table for each image, (N,), −1 for none."""
        assert self.table is not None
        return rows_of_images(self.source, self.table, self.folder, self.used)


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
