"""Overrides of the command line, parsed and checked one by one."""

import re
from collections.abc import Mapping

from hydra.core.override_parser.types import Glob, Override

from vaerun.config.groups import GROUPS, NAMED_BY_GROUP, choices
from vaerun.config.words import WORDS, parse_by_hydra, quoted, sweep_of_words, with_quoted_word
from vaerun.utils.errors import UserError, closest, invalid_choice, likeness

_TOKEN = re.compile(r"[\w.+-]+")
_NUMBER = re.compile(r"[+-]?[\d_]*\.?[\d_]*([eE][+-]?[\d_]+)?")  # as Hydra reads one
_SPACED = re.compile(r"\d_+\d")


def parse(text: str) -> Override:
    """One override, parsed by Hydra; words of the user's, such as paths, may hold anything."""
    name, equals, value = text.partition("=")
    if name:
        override = parse_by_hydra(with_quoted_word(text))
        if override is None and equals and value[:1] not in ("[", "{"):
            override = parse_by_hydra(f"{name}={quoted(value)}")  # what is wrong is said later
        if override is not None:
            return override
    if equals:
        hint = "write KEY=VALUE and quote what has spaces or brackets: 'KEY=[1,2]'"
    elif "." in text:
        hint = f"write KEY=VALUE: {text}=..."
    else:
        groups = {choice: f"{group}={choice}" for group in GROUPS for choice in choices(group)}
        hint = f"write GROUP=CHOICE or KEY=VALUE, such as {groups[closest(text, groups)]}"
    raise UserError(f"{text or repr(text)} is not an override", hint)


def sweep_overrides(text: str) -> list[str]:
    """The single overrides of one with a sweep, which must be a list, a range or a glob."""
    of_words = sweep_of_words(text)
    if of_words is not None:
        return of_words
    override = parse(text)
    if fault := number_fault(override):
        raise fault
    if not override.is_sweep_override():
        return [text]
    names: list[str] = []
    if isinstance(value := override.value(), Glob):
        names = value.filter(list(choices(override.key_or_group)))
    elif override.is_discrete_sweep():
        names = list(override.sweep_string_iterator())
    if not names:
        what = f"{text} names no values to run through"
        raise UserError(what, "list them, as in -m model=rvae,vae")
    return [f"{override.get_key_element()}={name}" for name in names]


def is_group(override: Override) -> bool:
    """Whether an override chooses from a group, of ours or of Hydra."""
    return override.key_or_group in GROUPS or override.key_or_group.startswith("hydra/")


def is_no_op(override: Override) -> bool:
    """Whether an override is ``experiment=null``, the default, which Hydra refuses when typed."""
    return override.key_or_group == "experiment" and override.value() is None


def _is_hydra(override: Override) -> bool:
    return override.key_or_group.split("/")[0].split(".")[0] == "hydra"


def form_fault(override: Override) -> UserError | None:
    """The fault of an override that does more than set one value or choice."""
    name, text = override.key_or_group, override.input_line or ""
    if override.is_delete():
        return UserError(f"{text} deletes what a run needs", "leave it out, or set a value")
    if fault := number_fault(override):
        return fault
    if override.is_sweep_override():
        hint = f"put -m first to run each, or write a list as '{name}=[a,b]'"
        return UserError(f"{text} gives several values to one run", hint)
    if name.startswith("sweep."):
        return UserError(f"{text} is of no use to one run", "put -m first, or leave it out")
    if override.package is not None:
        return UserError(f"{text} moves a group elsewhere", "leave out @ and what follows it")
    return None


def number_fault(override: Override) -> UserError | None:
    """The fault of digits with underscores among them, which Hydra takes for a number.

    ``2024_03`` may be a date or the name of a sample, and nothing else that is read has such
    numbers. Words of the user's, such as paths, have been quoted before.
    """
    text = override.input_line or ""
    if override.key_or_group in WORDS or isinstance(override.value(), str):
        return None
    digits = next(
        (
            token
            for token in _TOKEN.findall(text.partition("=")[2])
            if _SPACED.search(token) and _NUMBER.fullmatch(token)
        ),
        None,
    )
    if digits is None:
        return None
    what = f"{text} has underscores among digits, so that {digits} is no number"
    return UserError(what, f"write {digits.replace('_', '')}")


def group_fault(override: Override) -> UserError | None:
    """The fault of an override of an unknown group, or with a value that is no choice of it."""
    name, text = override.key_or_group, override.input_line or ""
    if _is_hydra(override) or ("/" not in name and name not in GROUPS):
        return None
    if name not in GROUPS:
        hint = f"did you mean {closest(name, GROUPS)}"
        return UserError(f"{text} names no group of choices", hint)
    if override.is_add() or override.is_force_add():
        return UserError(f"{text} adds a second {name}", f"leave out the +: {text.lstrip('+')}")
    value, valid = override.value(), list(choices(name))
    return None if value in valid else invalid_choice(name, value, valid)


def key_fault(override: Override, keys: Mapping[str, bool]) -> UserError | None:
    """The fault of an override of a key that the composed config does not have.

    Parameters
    ----------
    override
        Of a value, or of a group (which has no such fault).
    keys
        Every key of the composed config, and whether it holds further keys.
    """
    name, text = override.key_or_group, override.input_line or ""
    if is_group(override) or _is_hydra(override):
        return None
    if name in NAMED_BY_GROUP:
        hint = f"did you mean {NAMED_BY_GROUP[name]}={override.get_value_element_as_str()}"
        return UserError(f"{text} changes the name and not what it names", hint)
    if name not in keys:
        what = f"{name} is not a key of this config"
        return UserError(what, f"did you mean {_closest_key(name, keys)}")
    if keys[name]:
        group, value, hint = name.replace(".", "/"), override.value(), "set its keys one by one"
        if group in GROUPS and isinstance(value, str):
            hint = f"did you mean {group}={closest(value, choices(group))}"
        return UserError(f"{text} sets a whole group of keys", hint)
    if override.is_add():
        return UserError(f"{text} adds a key that is there", f"leave out the +: {text[1:]}")
    return None


def _closest_key(name: str, keys: Mapping[str, bool]) -> str:
    """The key or group spelt most like a name, by all of it or by its last word.

    So ``latent_dim`` gives ``model.latent_dim``.
    """
    leaf = name.rpartition(".")[2]
    leaves = [key for key, has_keys in keys.items() if not has_keys and key not in NAMED_BY_GROUP]

    def likeness_to(key: str) -> float:
        return max(likeness(name, key), likeness(leaf, key.rpartition(".")[2]))

    return max(leaves if "." in name else [*leaves, *GROUPS], key=likeness_to)


def group(override: str) -> str:
    """The first part of the name: ``data`` of ``data.path=x``."""
    return split_override(override)[0].split(".")[0].split("/")[0]


def split_override(override: str) -> tuple[str, str]:
    """Name and value of an override."""
    name, _, value = override.lstrip("+").partition("=")
    return name, value
