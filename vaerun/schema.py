"""Config as data: a dataclass says what a group may hold, `check` proves plain values against it.

A field carries its help and bounds through `option`; its value lives in YAML, so it has no
default here. `check` reports every fault of a group in one `UserError`.
"""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from vaerun.errors import UserError

T = TypeVar("T")

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One key of a config group, for help texts.

    Attributes
    ----------
    key
        Its full name, such as ``trainer.max_epochs``.
    wanted
        What it may hold, in words, such as ``a whole number, at least 1``.
    help
        What it means.
    """

    key: str
    wanted: str
    help: str


def option(
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | None = None,
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
    """
    bounds = {"min": min, "max": max, "above": above, "below": below}
    kept = {name: bound for name, bound in bounds.items() if bound is not None}
    words = None if choices is None else tuple(choices)
    return dataclasses.field(metadata={"help": help, "bounds": kept, "choices": words})


def check(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build `cls` from plain values, or raise one `UserError` that lists all faults.

    Parameters
    ----------
    cls
        A config dataclass whose fields were made with `option`.
    values
        Plain values by key; a value that is already a config dataclass is taken as checked.
    where
        The name of the group, such as ``model``, to begin each key with.
    """
    faults: list[UserError] = []
    built = collect(cls, values, where, faults)
    raise_all(faults)
    assert built is not None
    return built


def collect(cls: type[T], values: object, where: str, faults: list[UserError]) -> T | None:
    """As `check`, but add the faults to a list and return None where there are any."""
    if not isinstance(values, Mapping):
        mend = f"give its keys: {', '.join(key(where, name) for name in names(cls))}"
        faults.append(UserError(f"{where}={show(values)} is not a group of keys", mend))
        return None
    before = len(faults)
    hints = typing.get_type_hints(cls)
    faults += [unknown(str(name), names(cls), where) for name in values if name not in names(cls)]
    built = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        here = key(where, field.name)
        if field.name in values:
            built[field.name] = _value(
                hints[field.name], values[field.name], here, field.metadata, faults
            )
        else:
            mend = _mend(hints[field.name], field.metadata)
            faults.append(UserError(f"{here} is missing", mend))
    return cls(**built) if len(faults) == before else None


def entries(cls: type, where: str = "") -> list[Entry]:
    """Every key of a config dataclass in its order, nested ones included."""
    hints = typing.get_type_hints(cls)
    found: list[Entry] = []
    for field in dataclasses.fields(cls):
        hint, here = hints[field.name], key(where, field.name)
        if dataclasses.is_dataclass(hint):
            found += entries(typing.cast("type", hint), here)
        else:
            wanted = describe(hint, field.metadata)
            found.append(Entry(key=here, wanted=wanted, help=field.metadata.get("help", "")))
    return found


def raise_all(faults: Sequence[UserError]) -> None:
    """Raise the faults as one line joined by "; ", or return if there are none."""
    if not faults:
        return
    *first, last = faults
    raise UserError("; ".join([*map(str, first), last.what]), last.mend)


def names(cls: type) -> list[str]:
    """The keys of a config dataclass."""
    return [field.name for field in dataclasses.fields(cls)]


def key(where: str, name: str) -> str:
    """The full name of a key in a group."""
    return f"{where}.{name}" if where else name


def show(value: object) -> str:
    """A value as one would type it on the command line, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        text = f"[{','.join(map(show, value))}]"
    elif isinstance(value, Mapping):
        text = "{" + ",".join(f"{name}:{show(item)}" for name, item in value.items()) + "}"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def likeness(word: str, other: str) -> float:
    """How alike two words are spelt, from 0 to 1."""
    return difflib.SequenceMatcher(None, other.lower(), word.lower(), autojunk=False).ratio()


def nearest(word: str, options: Iterable[str]) -> str:
    """The option spelt most like the word; the first of equals."""
    return max(options, key=lambda candidate: likeness(word, candidate))


def unknown(name: str, known: Sequence[str], where: str = "") -> UserError:
    """The fault of a key that its group does not have."""
    of = f"a key of {where}" if where else "a key of the config"
    if not known:
        return UserError(f"{key(where, name)} is not {of}", f"leave it out: {where} has no keys")
    return UserError(
        f"{key(where, name)} is not {of}", f"did you mean {key(where, nearest(name, known))}"
    )


def not_a_choice(here: str, value: object, choices: Sequence[str]) -> UserError:
    """The fault of a word that is none of those allowed."""
    mend = f"did you mean {nearest(show(value), choices)} (choices: {', '.join(choices)})"
    return UserError(f"{here}={show(value)} is not a choice", mend)


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
        return collect(typing.cast("type", hint), value, here, faults)
    arm = next((arm for arm in _arms(hint) if _fits(arm, value)), None)
    if arm is None:
        what = f"{here}={show(value)} is not {describe(hint, {})}"
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
    return float(value) if arm is float else value


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
    assert arm in (bool, str), f"config fields cannot be of type {arm}"
    return isinstance(value, arm)


def _out_of_range(
    arm: Any, value: Any, here: str, metadata: Mapping[str, Any]
) -> UserError | None:
    """The fault of a number outside its bounds or of a word that is not a choice."""
    choices = metadata.get("choices")
    if isinstance(value, str):
        return not_a_choice(here, value, choices) if choices and value not in choices else None
    if value is None or isinstance(value, bool):
        return None
    tests = {
        "min": lambda bound: value >= bound,
        "max": lambda bound: value <= bound,
        "above": lambda bound: value > bound,
        "below": lambda bound: value < bound,
    }
    bounds = metadata.get("bounds", {})
    if all(tests[name](bound) for name, bound in bounds.items()):
        return None
    rule = " and ".join(_rule(*bound) for bound in bounds.items())
    return UserError(f"{here}={show(value)} must be {rule}", _mend(arm, metadata))


def _rule(name: str, bound: float) -> str:
    return {"min": "at least", "max": "at most"}.get(name, name) + f" {bound:g}"


def _arms(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return typing.get_args(hint) if union else (hint,)


def _mend(hint: Any, metadata: Mapping[str, Any]) -> str:
    words = metadata.get("help")
    return f"give {describe(hint, metadata)}" + (f" ({words})" if words else "")
