"""A query over columns of numbers, such as ``z1>0.5 and class=2``: parsed here, never evaluated.

query      =  term {"or" term}
term       =  factor {"and" factor}
factor     =  "not" factor | "(" query ")" | comparison
comparison =  name ("<" | "<=" | ">" | ">=" | "=" | "==" | "!=") value
value      =  number ["deg"] | word | "text in quotes"
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vaerun.utils.errors import UserError, closest, format_value
from vaerun.utils.paths import exists, expanded

_TABLES = (".csv", ".tsv", ".txt", ".dat")

Mask = npt.NDArray[np.bool_]

# N rows.

_OPERATORS: dict[str, Callable[[npt.NDArray[np.generic], float], npt.NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<op><=|>=|!=|==|=|<|>)|(?P<bracket>[()])
    |(?P<text>"[^"]*"|'[^']*')|(?P<word>[^\s()<>=!"']+))""",
    re.X,
)
_NUMBER = re.compile(r"([-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(deg|°)?")
_LOGICAL = ("and", "or", "not")
_EXAMPLE = "write it as in 'z1>0.5 and class=2'"
_DEEPEST = 50  # brackets within brackets
_MOST_LISTED = 12  # names in a message


@dataclass(frozen=True, kw_only=True)
class QueryColumn:
    """A column that a query can compare.

    Attributes
    ----------
    values
        (N,) numbers, NaN where unknown.
    names
        Words for the numbers 0, 1, … of a column of classes; empty for a quantity.
    """

    values: npt.NDArray[np.generic]
    names: Sequence[str] = ()


def names_file(text: str) -> bool:
    """Whether a value of ``data.keep`` or ``data.drop`` names a file, and is no query."""
    compares = any(sign in text for sign in "<>=!")
    return text.lower().endswith(_TABLES) or not compares or exists(expanded(text))


def matching(text: str, columns: Mapping[str, QueryColumn], key: str, where: str) -> Mask:
    """Boolean mask (N,) of the rows that a query is true of; a comparison with NaN is false.

    Parameters
    ----------
    text
        The query.
    columns
        Columns (N,) by name.
    key, where
        Config key of the query, and file of the columns, for messages.

    Raises
    ------
    UserError
        If it is no query, or names a column or class that is not there.
    """
    parser = _Parser(_tokens(text, key), text, columns, f"{key}={format_value(text)}", where)
    mask = parser.query(0)
    parser.expect_end()
    return mask


class _Token(NamedTuple):
    kind: str  # op, bracket, text or word
    text: str


def _tokens(text: str, key: str) -> list[_Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            what = f"{key}={format_value(text)} is no query: {text[at:].strip()[:20]} is unclear"
            raise UserError(what, _EXAMPLE)
        token = match[match.lastgroup]
        tokens.append(_Token(match.lastgroup, token[1:-1] if match.lastgroup == "text" else token))
        at = match.end()
    return tokens


class _Parser:
    """Walks over the tokens once; each method reads one rule of the grammar."""

    def __init__(
        self,
        tokens: Sequence[_Token],
        text: str,
        columns: Mapping[str, QueryColumn],
        here: str,
        where: str,
    ) -> None:
        self.tokens, self.columns, self.here, self.where = tokens, columns, here, where
        self.at = 0

    def query(self, depth: int) -> Mask:
        mask = self.term(depth)
        while self.takes("or"):
            mask = mask | self.term(depth)
        return mask

    def term(self, depth: int) -> Mask:
        mask = self.factor(depth)
        while self.takes("and"):
            mask = mask & self.factor(depth)
        return mask

    def factor(self, depth: int) -> Mask:
        if depth > _DEEPEST:
            raise self.fault(f"has more than {_DEEPEST} brackets or not within each other")
        if self.takes("not"):
            return ~self.factor(depth + 1)
        if not self.takes("(", "bracket"):
            return self.comparison()
        mask = self.query(depth + 1)
        if not self.takes(")", "bracket"):
            raise self.fault("lacks a closing bracket")
        return mask

    def comparison(self) -> Mask:
        name = self.next("word", "text")
        if name.kind == "word" and name.text.lower() in _LOGICAL:
            raise self.fault(f"has nothing to compare before {name.text}")
        if name.text not in self.columns:
            near = closest(name.text, self.columns)
            listed = ", ".join(list(self.columns)[:_MOST_LISTED])
            more = ", …" if len(self.columns) > _MOST_LISTED else ""
            raise UserError(
                f"{self.here}: {name.text} is not a column of {self.where}",
                f"did you mean {near} (columns: {listed}{more})",
            )
        sign, value = self.next("op"), self.next("word", "text")
        column = self.columns[name.text]
        number = self.number(name.text, column, sign.text, value)
        known = np.isfinite(np.asarray(column.values, np.float64))
        return np.asarray(known & _OPERATORS[sign.text](column.values, number))

    def number(self, name: str, column: QueryColumn, sign: str, value: _Token) -> float:
        """The number that a value means: of a class by its name, else as it is written."""
        if value.text in column.names:
            return float(list(column.names).index(value.text))
        match = _NUMBER.fullmatch(value.text) if value.kind == "word" else None
        if match is None and column.names:
            near = closest(value.text, column.names)
            what = f"{self.here}: {value.text} is no class of {name}"
            listed = ", ".join(column.names[:_MOST_LISTED])
            raise UserError(what, f"did you mean {near} (classes: {listed})")
        if match is None:
            what = f"{self.here} compares {name} with {value.text}, which is no number"
            raise UserError(what, f"give a number, as in {name}{sign}0.5")
        number = float(match[1].replace("−", "-"))
        return math.radians(number) if match[2] else number

    def takes(self, text: str, kind: str = "word") -> bool:
        """Whether the next token is this one, which is then read."""
        if self.at == len(self.tokens):
            return False
        token = self.tokens[self.at]
        is_it = token.kind == kind and token.text.lower() == text
        self.at += is_it
        return is_it

    def next(self, *kinds: str) -> _Token:
        """The next token, which must be of one of these kinds."""
        wanted = "<, <=, >, >=, = or !=" if kinds == ("op",) else "a name or a number"
        if self.at == len(self.tokens):
            raise self.fault(f"ends where {wanted} should follow")
        token = self.tokens[self.at]
        if token.kind not in kinds:
            raise self.fault(f"has {token.text} where {wanted} should be")
        self.at += 1
        return token

    def expect_end(self) -> None:
        """Raise a fault unless all tokens are read."""
        if self.at < len(self.tokens):
            raise self.fault(f"goes on with {self.tokens[self.at].text} without and or or")

    def fault(self, why: str) -> UserError:
        return UserError(f"{self.here} {why}", _EXAMPLE)
