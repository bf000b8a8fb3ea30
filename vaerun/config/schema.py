"""The keys of a config as dataclasses, and the proof of plain values against them.

A field made by `field` carries its help, its bounds and what it affects; its value is in the
YAML, so no field has a default. `check` reports all faults of a config in one `UserError`.
"""

import dataclasses
import math
import operator
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from vaerun.utils.errors import (
    UserError,
    format_value,
    invalid_choice,
    key,
    raise_all,
    unknown_key,
)

T = TypeVar("T")
Effect = Literal["nothing", "rounding", "training", "images", "selection", "files"]

# Bound of a number: when it is met, how it reads, what to do with a number outside.
_BOUNDS: dict[str, tuple[Callable[[float, float], bool], str, str]] = {
    "min": (operator.ge, "at least", "raise"),
    "max": (operator.le, "at most", "lower"),
    "above": (operator.gt, "above", "raise"),
    "below": (operator.lt, "below", "lower"),
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
    variants: Mapping[str, type] | None = None,
    by: str = "name",
    affects: Effect | None = None,
) -> Any:
    """A dataclass field with its meaning and the values that it may hold.

    Parameters
    ----------
    help
        One line, lower case, with the unit.
    min, max, above, below
        Bounds of a number, or of each number in a list; `above` and `below` exclude the bound.
    choices
        The words allowed, for a word or each word in a list.
    variants, by
        For a group that can be chosen: the dataclass of each choice, and the key in the group
        that names the choice.
    affects
        What another value changes; None: what the group's own field has, "training" at the root.

        - "nothing": no number of a run, only where its files are, or what is shown
        - "rounding": the machine, so no number but by rounding
        - "training": how the images are learned from
        - "images": how images are drawn or prepared, also those of other files
        - "selection": which images, labels and factors are taken from these very files
        - "files": which files are read; the data fingerprint has their content instead
    """
    bounds = {"min": min, "max": max, "above": above, "below": below}
    return dataclasses.field(
        metadata={
            "help": help,
            "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
            "choices": None if choices is None else tuple(choices),
            "variants": variants,
            "by": by,
            "affects": affects,
        }
    )


def check(
    cls: type[T], values: Mapping[str, Any], where: str = "", further: Sequence[UserError] = ()
) -> T:
    """Build `cls` from plain values, or raise one `UserError` that lists all faults.

    Parameters
    ----------
    cls
        A config dataclass whose fields were made with `field`.
    values
        Plain values by key.
    where
        The name of the group, such as ``model``, to begin each key with.
    further
        Faults detected elsewhere, to be reported with those of the values.
    """
    faults: list[UserError] = []
    built = _group(cls, values, where, faults)
    raise_all([*faults, *further])
    assert built is not None
    return built


def names(cls: type) -> list[str]:
    """The keys of a config dataclass."""
    return [field.name for field in dataclasses.fields(cls)]


def effects(cls: type, where: str = "", default: Effect = "training") -> dict[str, Effect]:
    """What each key affects, by its full name; the keys of all variants, those of groups less."""
    by_key: dict[str, Effect] = {}
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        here, effect = key(where, field.name), field.metadata["affects"] or default
        groups = (field.metadata["variants"] or {"": hints[field.name]}).values()
        for group in groups:
            is_key = not dataclasses.is_dataclass(group)
            inner = {here: effect} if is_key else effects(group, here, effect)
            assert all(by_key.get(name, inner[name]) == inner[name] for name in inner)
            by_key |= inner
    return by_key


def without(values: Mapping[str, Any], keys: Collection[str], where: str = "") -> dict[str, Any]:
    """Plain values less some keys, given by their full names such as ``data.root``."""
    return {
        name: without(value, keys, key(where, name)) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if key(where, name) not in keys
    }


def describe(hint: Any, metadata: Mapping[str, Any]) -> str:
    """The values that a field may hold, in words."""
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


def _group(cls: type[T], values: object, where: str, faults: list[UserError]) -> T | None:
    """The dataclass of a group's plain values; None, and the faults added, if any is wrong."""
    if not isinstance(values, Mapping):
        what = f"{where}={format_value(values)} is not a group of keys"
        keys = ", ".join(key(where, name) for name in names(cls))
        faults.append(UserError(what, f"give its keys: {keys}"))
        return None
    before = len(faults)
    hints = typing.get_type_hints(cls)
    faults += [
        unknown_key(str(name), names(cls), where) for name in values if name not in names(cls)
    ]
    built = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        here, hint = key(where, field.name), hints[field.name]
        if field.name in values:
            built[field.name] = _value(hint, values[field.name], here, field.metadata, faults)
        else:
            faults.append(UserError(f"{here} is missing", _give(hint, field.metadata)))
    return cls(**built) if len(faults) == before else None


def _variant(
    values: object, where: str, metadata: Mapping[str, Any], faults: list[UserError]
) -> Any:
    """The dataclass of the choice that a group names; its faults are added to the list."""
    by, variants = metadata["by"], metadata["variants"]
    if not isinstance(values, Mapping) or by not in values:
        what = f"{where}={format_value(values)} does not say its {by}"
        faults.append(UserError(what, f"give {where}.{by}, one of {', '.join(variants)}"))
    elif values[by] not in list(variants):  # a list, since the value may have no hash
        faults.append(invalid_choice(f"{where}.{by}", values[by], list(variants)))
    else:
        return _group(variants[values[by]], values, where, faults)
    return None


def _value(
    hint: Any, value: Any, here: str, metadata: Mapping[str, Any], faults: list[UserError]
) -> Any:
    """The value converted to its type; its faults are added to the list."""
    if metadata["variants"] is not None:
        return _variant(value, here, metadata, faults)
    if dataclasses.is_dataclass(hint):
        return _group(typing.cast("type", hint), value, here, faults)
    arm = next((arm for arm in _arms(hint) if _fits(arm, value)), None)
    if arm is None:
        what = f"{here}={format_value(value)} is not {describe(hint, {})}"
        faults.append(UserError(what, _give(hint, metadata)))
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
    """Whether a value is of a type, before any bounds."""
    if arm is type(None):
        return value is None
    if typing.get_origin(arm) is list:
        return isinstance(value, (list, tuple))
    if arm is bool or isinstance(value, bool):
        return arm is bool and isinstance(value, bool)
    if arm is float:
        return isinstance(value, (int, float)) and math.isfinite(value)
    # YAML reads a word of digits as a number: out=2026, trainer.precision=32
    return isinstance(value, int) or (arm is str and isinstance(value, str))


def _out_of_range(
    arm: Any, value: Any, here: str, metadata: Mapping[str, Any]
) -> UserError | None:
    """The fault of a number outside its bounds or of a word that is not a choice."""
    choices = metadata["choices"]
    if arm is str and choices and str(value) not in choices:
        return invalid_choice(here, value, choices)
    if arm in (int, float):
        for name, bound in metadata["bounds"].items():
            is_met, _, change = _BOUNDS[name]
            if not is_met(value, bound):
                what = f"{here}={format_value(value)} must be {_rule(name, bound)}"
                return UserError(what, f"{change} it ({metadata['help']})")
    return None


def _rule(name: str, bound: float) -> str:
    return f"{_BOUNDS[name][1]} {int(bound) if float(bound).is_integer() else bound}"


def _arms(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return typing.get_args(hint) if union else (hint,)


def _give(hint: Any, metadata: Mapping[str, Any]) -> str:
    return f"give {describe(hint, metadata)} ({metadata['help']})"
