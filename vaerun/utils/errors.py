"""The one exception that means "the user's input is wrong".

How a fault of the user's input is worded: its key, its value, and the nearest valid one.

A fault is a `UserError` that was not raised yet, so that all of them can be shown at once.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence


class UserError(Exception):
    """What the user gave cannot be used; the command line shows it as one line, status 2.

    Parameters
    ----------
    what
        What is wrong, with the key or file and its value.
    mend
        What to type or do instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what = what
        self.mend = mend


def raise_all(faults: Sequence[UserError]) -> None:
    """Raise the faults as one line joined by "; ", or return if there are none."""
    if not faults:
        return
    *first, last = faults
    raise UserError("; ".join([*map(str, first), last.what]), last.mend)


def key(where: str, name: str) -> str:
    """The full name of a key in a group."""
    return f"{where}.{name}" if where else name


def format_value(value: object) -> str:
    """A value as one would type it on the command line, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        text = f"[{','.join(map(format_value, value))}]"
    elif isinstance(value, Mapping):
        text = "{" + ",".join(f"{name}:{format_value(item)}" for name, item in value.items()) + "}"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def likeness(word: str, other: str) -> float:
    """How alike two words are spelt, from 0 to 1."""
    return difflib.SequenceMatcher(None, other.lower(), word.lower(), autojunk=False).ratio()


def closest(word: str, options: Iterable[str]) -> str:
    """The option spelt most like the word; the first of equals."""
    return max(options, key=lambda candidate: likeness(word, candidate))


def unknown_key(name: str, known: Sequence[str], where: str = "") -> UserError:
    """The fault of a key that its group does not have."""
    of = f"a key of {where}" if where else "a key of the config"
    if not known:
        return UserError(f"{key(where, name)} is not {of}", f"leave it out: {where} has no keys")
    return UserError(
        f"{key(where, name)} is not {of}", f"did you mean {key(where, closest(name, known))}"
    )


def invalid_choice(here: str, value: object, choices: Sequence[str]) -> UserError:
    """The fault of a word that is none of those allowed."""
    if not choices:
        what = f"{here}={format_value(value)} is not a choice"
        return UserError(what, f"leave it out: {here} has no choices yet")
    mend = f"did you mean {closest(format_value(value), choices)} (choices: {', '.join(choices)})"
    return UserError(f"{here}={format_value(value)} is not a choice", mend)
