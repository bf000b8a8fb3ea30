"""The search space: keys of the config and the values that each may take, from YAML.

    trainer.learning_rate: {low: 5.0e-4, high: 1.0e-2, log: true}
    model.latent_dim: {low: 2, high: 8}                 integers, since both ends are
    trainer.schedule: {choices: [constant, cosine]}

Keys and values of the file are checked by composing configs with them, as if they were typed.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from vaerun.config.compose import compose, hydra_at_conf
from vaerun.config.groups import choices, config_dir
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError, format_value, invalid_choice, unknown_key

_WORDS = ("low", "high", "log", "choices")
_DIGITS = 4  # significant digits of a searched number

Value = float | int | str


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`; integers if both ends are; sampled by logarithm if `log`."""

    low: float | int
    high: float | int
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether the range has integers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: object) -> bool:
        """Whether a value lies in the range."""
        number = isinstance(value, int if self.is_integer else (int, float))
        return number and not isinstance(value, bool) and self.low <= value <= self.high  # type: ignore[operator]

    @property
    def values(self) -> list[Value] | None:
        """All values of integers; None for numbers between which there are others."""
        return list(range(int(self.low), int(self.high) + 1)) if self.is_integer else None

    def checked_values(self) -> list[Value]:
        """The two ends: if a config accepts them, it accepts all between."""
        return [self.low, self.high]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A list of values, each as it is typed on the command line."""

    choices: tuple[str, ...]

    def contains(self, value: object) -> bool:
        """Whether a value is one of the choices."""
        return format_value(value) in self.choices

    @property
    def values(self) -> list[Value]:
        """All choices."""
        return list(self.choices)

    def checked_values(self) -> list[Value]:
        """All choices."""
        return list(self.choices)


Space = Mapping[str, Range | Choices]


def all_settings(space: Space, most: int) -> list[dict[str, Value]] | None:
    """All settings of a space, if they are at most so many; else None."""
    values = [dimension.values for dimension in space.values()]
    if any(some is None for some in values):
        return None
    lists = [some for some in values if some is not None]
    if math.prod(map(len, lists)) > most:
        return None
    return [dict(zip(space, one, strict=True)) for one in itertools.product(*lists)]


def read_space(name: str, typed: Sequence[str]) -> Space:
    """Read the space of a name in ``conf/search``, or of a YAML file, without the `typed` keys.

    Raises
    ------
    UserError
        If there is no such space, or a key or value in it does not fit the config.
    """
    path = _path(name)
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not readable YAML", "restore the file") from error
    if not isinstance(plain, dict) or not plain:
        hint = "write lines such as trainer.learning_rate: {low: 1.0e-3, high: 1.0e-2}"
        raise UserError(f"{path} names no keys", hint)
    fixed = {text.lstrip("+").partition("=")[0] for text in typed}
    space = {str(k): _dimension(str(k), v) for k, v in plain.items() if str(k) not in fixed}
    if not space:
        raise UserError(f"every key of {path} was typed", "leave one of them to the search")
    _check(space, typed)
    return space


def _path(name: str) -> Path:
    known = choices("search")
    if name in known:
        return config_dir() / "search" / f"{name}.yaml"
    path = Path(name).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        raise invalid_choice("task.space", name, list(known))
    if not path.is_file():
        raise UserError(f"task.space={name} is not a file", f"or one of {', '.join(known)}")
    return path


def _dimension(key: str, plain: object) -> Range | Choices:
    """Parse the value of one key, or raise a `UserError`."""
    here = f"task.space: {key}"
    if not isinstance(plain, Mapping) or not plain:
        hint = "write {low: 1, high: 9}, {low: 1.0, high: 9.0, log: true} or {choices: [a, b]}"
        raise UserError(f"{here}={format_value(plain)} is no range", hint)
    for word in plain:
        if word not in _WORDS:
            raise unknown_key(str(word), _WORDS, here)
    if "choices" in plain:
        words = plain["choices"]
        if not isinstance(words, list) or len(words) < 2 or len(plain) > 1:
            raise UserError(
                f"{here}={format_value(plain)} is no choice",
                "write {choices: [a, b]}, two or more",
            )
        return Choices(choices=tuple(format_value(word) for word in words))
    low, high, log = plain.get("low"), plain.get("high"), plain.get("log", False)
    if not (_is_number(low) and _is_number(high) and isinstance(log, bool)):
        raise UserError(
            f"{here}={format_value(plain)} is no range", "write {low: 1.0e-3, high: 1.0e-2}"
        )
    if not low < high or (log and low <= 0):
        above = "above 0 and " if log else ""
        raise UserError(f"{here}={format_value(plain)} is empty", f"let low be {above}below high")
    return Range(low=low, high=high, log=log)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check(space: Space, typed: Sequence[str]) -> None:
    """Compose configs with all low ends, with all high ends, with all first choices and so on."""
    values = {key: dimension.checked_values() for key, dimension in space.items()}
    with hydra_at_conf():
        for i in range(max(map(len, values.values()))):
            setting = [override(key, some[min(i, len(some) - 1)]) for key, some in values.items()]
            try:
                validate(compose([*typed, *setting]))
            except UserError as error:
                hint = f"{error.hint}, or name another space by task.space="
                raise UserError(f"task.space: {error.what}", hint) from error


def override(key: str, value: Value) -> str:
    """The override that sets a key to a value, with four digits of a float."""
    if isinstance(value, float):
        return f"{key}={float(f'{value:.{_DIGITS}g}')!r}"
    return f"{key}={value}"


def values_at(space: Space, plain: Mapping[str, Any]) -> dict[str, Value]:
    """Values of the searched keys in a config; empty unless all of them are in the space."""
    values = {key: _at(plain, key.split(".")) for key in space}
    if not all(space[key].contains(value) for key, value in values.items()):
        return {}
    return {k: format_value(v) if isinstance(space[k], Choices) else v for k, v in values.items()}


def outside(space: Space, plain: Mapping[str, Any]) -> list[str]:
    """Searched keys whose value in a config is not in the space, as ``key=value``."""
    values = {key: _at(plain, key.split(".")) for key in space}
    return [f"{k}={format_value(v)}" for k, v in values.items() if not space[k].contains(v)]


def _at(plain: Any, path: Sequence[str]) -> Any:
    for name in path:
        plain = plain[name] if isinstance(plain, Mapping) else None
    return plain
