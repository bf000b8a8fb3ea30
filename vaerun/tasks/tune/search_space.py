"""What is searched: keys of the config and the values that each may take, from YAML.

    trainer.learning_rate: {low: 5.0e-4, high: 1.0e-2, log: true}
    model.latent_dim: {low: 2, high: 8}                 whole numbers, since both ends are
    trainer.schedule: {choices: [constant, cosine]}

Such a file is data: its keys and values are proved by composing a config with each, as if they
had been typed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from vaerun.config.compose import compose, hydra_at_conf
from vaerun.config.groups import choices, config_dir
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError, format_value, invalid_choice, unknown_key

_WORDS = ("low", "high", "log", "choices")
_DIGITS = 4  # significant ones of a number that is searched: no more can matter

Value = float | int | str


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, whole ones if both are; evenly over their logarithm if `log`.

    A value is one that the command line can be told.
    """

    low: float | int
    high: float | int
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: object) -> bool:
        """Whether a value is one of these."""
        number = isinstance(value, int if self.is_whole else (int, float))
        return number and not isinstance(value, bool) and self.low <= value <= self.high  # type: ignore[operator]

    def ends(self) -> list[Value]:
        """Those that prove all others."""
        return [self.low, self.high]

    def plain(self) -> dict[str, Any]:
        """As in the file."""
        return {"low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Some values, as they are typed."""

    choices: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether a value is one of these."""
        return format_value(value) in self.choices

    def ends(self) -> list[Value]:
        """Those that prove all others: all of them."""
        return list(self.choices)

    def plain(self) -> dict[str, Any]:
        """As in the file."""
        return {"choices": list(self.choices)}


Space = Mapping[str, Range | Choices]


def read_space(name: str, typed: Sequence[str]) -> Space:
    """The space of a name in ``conf/search``, or of a YAML file, less the keys that were typed.

    Parameters
    ----------
    name
        What ``task.space`` says, or that of the model.
    typed
        Overrides: what is said there holds and is not searched.

    Raises
    ------
    UserError
        If there is no such space, or a key or value in it is none that a config could have.
    """
    path = _path(name)
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not readable YAML", "restore the file") from error
    if not isinstance(plain, dict) or not plain:
        mend = "write lines such as trainer.learning_rate: {low: 1.0e-3, high: 1.0e-2}"
        raise UserError(f"{path} names no keys", mend)
    held = {text.lstrip("+").partition("=")[0] for text in typed}
    space = {str(k): _dimension(str(k), v) for k, v in plain.items() if str(k) not in held}
    if not space:
        raise UserError(f"every key of {path} was typed", "leave one of them to the search")
    _prove(space, typed)
    return space


def _path(name: str) -> Path:
    """The file of a space."""
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
    """What one line of a file says, or a `UserError`."""
    here = f"task.space: {key}"
    if not isinstance(plain, Mapping) or not plain:
        mend = "write {low: 1, high: 9}, {low: 1.0, high: 9.0, log: true} or {choices: [a, b]}"
        raise UserError(f"{here}={format_value(plain)} is no range", mend)
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


def _prove(space: Space, typed: Sequence[str]) -> None:
    """Compose configs with all low ends, with all high ends, with all first choices and so on."""
    ends = {key: dimension.ends() for key, dimension in space.items()}
    with hydra_at_conf():
        for i in range(max(map(len, ends.values()))):
            setting = [override(key, some[min(i, len(some) - 1)]) for key, some in ends.items()]
            try:
                validate(compose([*typed, *setting]))
            except UserError as error:
                mend = f"{error.hint}, or name another space by task.space="
                raise UserError(f"task.space: {error.what}", mend) from error


def override(key: str, value: Value) -> str:
    """What one types to have that value: numbers to four digits."""
    if isinstance(value, float):
        return f"{key}={float(f'{value:.{_DIGITS}g}')!r}"
    return f"{key}={value}"


def values_at(space: Space, plain: Mapping[str, Any]) -> dict[str, Value]:
    """What a config has of the keys that are searched; nothing unless all lie in the space."""
    found = {key: _at(plain, key.split(".")) for key in space}
    if not all(space[key].holds(value) for key, value in found.items()):
        return {}
    return {k: format_value(v) if isinstance(space[k], Choices) else v for k, v in found.items()}


def outside(space: Space, plain: Mapping[str, Any]) -> Iterator[str]:
    """The keys whose value in a config the space does not hold, as they are typed."""
    for key, dimension in space.items():
        value = _at(plain, key.split("."))
        if not dimension.holds(value):
            yield f"{key}={format_value(value)}"


def _at(plain: Any, path: Sequence[str]) -> Any:
    for name in path:
        plain = plain[name] if isinstance(plain, Mapping) else None
    return plain
