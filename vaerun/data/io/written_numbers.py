"""Numbers as people and Excel write them: decimal commas, thousands, exponents.

``1,5`` and ``1.5`` are 1.5, ``1.100,5`` and ``1,100.5`` are 1100.5; what ``1,100`` is, the other
numbers of the table show. Digits with underscores are a word.
"""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_SIGNS = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = {",": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"),
              ".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")}  # fmt: skip
_SPACES = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'’](?=\d{3}(?!\d))")  # between thousands
_NONE = frozenset(  # in small letters: no number, as R, Excel and others write it
    {"na", "n/a", "#n/a", "#na", "#value!", "#div/0!", "#null!", "null", "none", "-", "--"}
)
_OTHER = {",": ".", ".": ","}


def is_number(word: str) -> bool:
    """Whether a word is a number with a decimal point or none."""
    return _NUMBER.fullmatch(word.strip()) is not None


def are_numbers(cells: Iterable[str]) -> bool:
    """Whether all cells that are not empty hold what may be a number in some country."""
    bare = map(_bare, cells)
    return all(not cell or _SIGNS.fullmatch(cell) for cell in bare)


def decimal_sign(cells: Iterable[str]) -> str | None:
    """The sign that some numbers prove to be the decimal one; None if none does, or both do."""
    proven = {sign for cell in cells if (sign := _proven_sign(_bare(cell)))}
    return proven.pop() if len(proven) == 1 else None


def to_numbers(cells: Iterable[str], sign: str | None) -> list[float | None]:
    """Numbers of the cells of a column; NaN for an empty cell, None for one that is no number.

    Parameters
    ----------
    cells
        Text of a column.
    sign
        Decimal sign of the table; None if nothing shows it. The column's own numbers count more.
    """
    bare = [_bare(cell) for cell in cells]
    own = {proven for cell in bare if (proven := _proven_sign(cell))}
    if len(own) == 1:
        sign = own.pop()
    elif own:
        sign = "."
    return [_to_number(cell, sign) for cell in bare]


def unproven(cells: Iterable[str]) -> str | None:
    """The first cell of which only the table can say whether its comma is decimal, if any."""
    bare = [(cell, _bare(cell)) for cell in cells]
    if any(_proven_sign(plain) for _, plain in bare):
        return None
    return next((cell for cell, plain in bare if _THOUSANDS[","].fullmatch(plain)), None)


def _bare(cell: str) -> str:
    """A cell without spaces between its thousands, with a plain minus; empty for a missing one."""
    bare = _SPACES.sub("", cell.strip().replace("\u2212", "-"))
    return "" if bare.lower() in _NONE else bare


def _proven_sign(cell: str) -> str | None:
    """The decimal sign of a number that leaves no doubt about it."""
    if ("," not in cell and "." not in cell) or not _SIGNS.fullmatch(cell):
        return None
    if "," in cell and "." in cell:
        last = max(",.", key=cell.rfind)
        return last if _THOUSANDS[_OTHER[last]].fullmatch(cell.lower().split("e")[0]) else None
    sign = "," if "," in cell else "."
    if cell.count(sign) > 1:
        return _OTHER[sign] if _THOUSANDS[sign].fullmatch(cell) else None
    may_be_thousands = _THOUSANDS[sign].fullmatch(cell) and not cell.lstrip("+-").startswith("0")
    return None if may_be_thousands else sign


def _to_number(cell: str, sign: str | None) -> float | None:
    if not cell:
        return float("nan")
    if sign is None and "," in cell:  # one thousand one hundred, or one and a tenth
        return None
    sign = sign or "."
    thousands = _OTHER[sign]
    if _THOUSANDS[thousands].fullmatch(cell.lower().split("e")[0]):
        cell = cell.replace(thousands, "")
    if sign == ",":
        # one point among decimal commas is a decimal point that another program wrote
        cell = cell.replace(",", ".") if "." not in cell else cell
    return float(cell) if _NUMBER.fullmatch(cell) else None
