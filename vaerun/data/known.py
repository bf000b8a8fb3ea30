"""From what the user wrote down to classes as numbers and to factors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vaerun import geometry
from vaerun.files.paths import natural
from vaerun.files.stored import Array
from vaerun.utils.errors import UserError, show

# N images.

_MOST_CLASSES = 1024
_MISSING = ("", "-1", "nan", "none", "null")
_FULL_TURN = 2 * np.pi + 1e-3


def numbered(
    values: Array, key: str, classes: Sequence[str] | None = None
) -> tuple[Tensor, list[str]]:
    """Classes as numbers, (N,) int64, −1 where missing, and their names in order.

    Parameters
    ----------
    values
        Whole numbers or text; empty, −1 and NaN are missing.
    key
        That named them, for messages.
    classes
        Names whose numbers are given; other classes count as missing. None: all that there are.
    """
    text = np.array([_word(value) for value in values.tolist()])
    present = sorted({word for word in text.tolist() if word.lower() not in _MISSING}, key=natural)
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


def factor(values: Array, name: str) -> Tensor:
    """A factor as numbers, (N,) float32, NaN where missing; ``angle`` in [−π, π)."""
    try:
        if values.dtype.kind == "U":
            values = np.where(values == "", "nan", values)
        found = torch.from_numpy(values.astype(np.float64))
    except ValueError:
        wrong = next(v for v in values.tolist() if not _is_number(v) and v.lower() != "nan")
        what = f"data.factors=[{name}] holds {show(wrong)}, which is no number"
        raise UserError(what, "name classes by data.label") from None
    if name == "angle":
        largest = float(found.abs().nan_to_num(0).max())
        if largest > _FULL_TURN:
            what = f"data.factors=[angle] goes up to {largest:g}: more than a full turn in radians"
            raise UserError(what, "give radians, or call it otherwise")
        return geometry.wrap(found.float())
    return found.float()
