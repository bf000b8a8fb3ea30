"""Config as data: a dataclass says what a group may hold, `check` proves plain values against it.

A field carries its help and bounds through `field`; its value lives in YAML, so it has no
default here but for the sake of configs that are older than the field. `check` reports every
fault of a group in one `UserError`.
"""

import dataclasses
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from vaerun.utils.errors import (
    UserError,
    format_value,
    invalid_choice,
    key,
    raise_all,
    unknown_key,
)

T = TypeVar("T")

_RULES = {"min": "at least", "max": "at most", "above": "above", "below": "below"}
_BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "min": (operator.ge, "raise"),
    "max": (operator.le, "lower"),
    "above": (operator.gt, "raise"),
    "below": (operator.lt, "lower"),
}
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def field(
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | None = None,
    formerly: Any = dataclasses.MISSING,
) -> Any:
    """A dataclass field that says what it means and what it may hold.

    Parameters
    ----------
    help
        One line, lower case, with the unit.
    min, max, above, below
        Bounds of a number, or of each number in a list; `above` and `below` exclude the bound.
    choices
        The words allowed, for a word or each word in a list.
    formerly
        What held before there was this key, for the configs of older runs, which lack it.
    """
    bounds = {"min": min, "max": max, "above": above, "below": below}
    kept = {name: bound for name, bound in bounds.items() if bound is not None}
    words = None if choices is None else tuple(choices)
    metadata = {"help": help, "bounds": kept, "choices": words}
    return dataclasses.field(default=formerly, metadata=metadata)


def check(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build `cls` from plain values, or raise one `UserError` that lists all faults.

    Parameters
    ----------
    cls
        A config dataclass whose fields were made with `field`.
    values
        Plain values by key; a value that is already a config dataclass is taken as checked.
    where
        The name of the group, such as ``model``, to begin each key with.
    """
    faults: list[UserError] = []
    built = validate_fields(cls, values, where, faults)
    raise_all(faults)
    assert built is not None
    return built


def validate_fields(cls: type[T], values: object, where: str, faults: list[UserError]) -> T | None:
    """As `check`, but add the faults to a list and return None where there are any."""
    if not isinstance(values, Mapping):
        mend = f"give its keys: {', '.join(key(where, name) for name in names(cls))}"
        faults.append(UserError(f"{where}={format_value(values)} is not a group of keys", mend))
        return None
    before = len(faults)
    hints = typing.get_type_hints(cls)
    faults += [
        unknown_key(str(name), names(cls), where) for name in values if name not in names(cls)
    ]
    built = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        here = key(where, field.name)
        if field.name in values:
            built[field.name] = _value(
                hints[field.name], values[field.name], here, field.metadata, faults
            )
        elif field.default is dataclasses.MISSING:
            mend = _mend(hints[field.name], field.metadata)
            faults.append(UserError(f"{here} is missing", mend))
    return cls(**built) if len(faults) == before else None


def names(cls: type) -> list[str]:
    """The keys of a config dataclass."""
    return [field.name for field in dataclasses.fields(cls)]


def help_texts(cls: type) -> dict[str, str]:
    """The keys of a config dataclass, each with its line of help."""
    return {field.name: field.metadata["help"] for field in dataclasses.fields(cls)}


def describe(hint: Any, metadata: Mapping[str, Any]) -> str:
    """What a field may hold, in words."""
    arms = _arms(hint)
    if len(arms) > 1:
        return " or ".join(describe(arm, metadata) for arm in arms)
    if hint is type(None):
        return "null"
    if typing.get_origin(hint) is list:
        return f"a list, each {describe(typing.get_args(hint)[0], metadata)}"
    if hint is str and metadata.get("choices"):
        return f"one of {', '.join(metadata['choices'])}"
    word = _WORDS.get(hint, "a group of keys")
    rules = [_rule(*bound) for bound in metadata.get("bounds", {}).items()]
    return f"{word} {' and '.join(rules)}" if rules and hint in (int, float) else word


def _value(
    hint: Any, value: Any, here: str, metadata: Mapping[str, Any], faults: list[UserError]
) -> Any:
    """The value as its type wants it; faults are added to the list."""
    if hint is Any or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return value
    if dataclasses.is_dataclass(hint):
        return validate_fields(typing.cast("type", hint), value, here, faults)
    arm = next((arm for arm in _arms(hint) if _fits(arm, value)), None)
    if arm is None:
        what = f"{here}={format_value(value)} is not {describe(hint, {})}"
        faults.append(UserError(what, _mend(hint, metadata)))
        return None
    if typing.get_origin(arm) is list:
        inner = typing.get_args(arm)[0]
        return [
            _value(inner, item, f"{here}[{i}]", metadata, faults) for i, item in enumerate(value)
        ]
    fault = _out_of_range(arm, value, here, metadata)
    if fault is not None:
        faults.append(fault)
    return arm(value) if arm in (float, str) else value


def _fits(arm: Any, value: object) -> bool:
    """Whether a value is of this type, before any bounds."""
    if arm is type(None):
        return value is None
    if typing.get_origin(arm) is list:
        return isinstance(value, (list, tuple))
    if arm is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(typing.cast("float", value))
    if arm is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if arm is str:  # YAML reads a word of digits as a number: out=2026, trainer.precision=32
        return isinstance(value, (str, int)) and not isinstance(value, bool)
    assert arm is bool, f"config fields cannot be of type {arm}"
    return isinstance(value, bool)


def _out_of_range(
    arm: Any, value: Any, here: str, metadata: Mapping[str, Any]
) -> UserError | None:
    """The fault of a number outside its bounds or of a word that is not a choice."""
    choices = metadata.get("choices")
    if arm is str and choices and str(value) not in choices:
        return invalid_choice(here, value, choices)
    if arm not in (int, float):
        return None
    for name, bound in metadata.get("bounds", {}).items():
        within, mend = _BOUNDS[name]
        if not within(value, bound):
            help = metadata.get("help")
            what = f"{here}={format_value(value)} must be {_rule(name, bound)}"
            return UserError(what, f"{mend} it" + (f" ({help})" if help else ""))
    return None


def _rule(name: str, bound: float) -> str:
    number = int(bound) if float(bound).is_integer() else bound
    return f"{_RULES[name]} {number}"


def _arms(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return typing.get_args(hint) if union else (hint,)


def _mend(hint: Any, metadata: Mapping[str, Any]) -> str:
    words = metadata.get("help")
    return f"give {describe(hint, metadata)}" + (f" ({words})" if words else "")
