"""The exception that means "the user's input is wrong", and how such faults are worded.

A fault is a `UserError` that is not raised yet, so that several can be shown at once.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence


class UserError(Exception):
    """An input that cannot be used; the command line shows it as one line, exit status 2.

    Parameters
    ----------
    what
        What is wrong, with the key or file and its value.
    hint
        What to type or do instead.
    """

    def __init__(self, what: str, hint: str) -> None:
        what, hint = (" ".join(text.splitlines()) for text in (what, hint))  # one line
        super().__init__(f"{what} — {hint}")
        self.what = what
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """The fault as one line in a notebook, too (a hook of IPython)."""
        return [f"error: {self}"]


def raise_all(faults: Sequence[UserError]) -> None:
    """Raise the faults as one line joined by "; ", or return if there are none."""
    if faults:
        *first, last = faults
        raise UserError("; ".join([*map(str, first), last.what]), last.hint)


def key(where: str, name: str) -> str:
    """The full name of a key in a group."""
    return f"{where}.{name}" if where else name


def format_value(value: object) -> str:
    """A value as one would type it on the command line, at most 80 characters of it."""
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


def unknown_key(name: str, valid: Sequence[str], where: str = "") -> UserError:
    """The fault of a key that its group does not have."""
    what = f"{key(where, name)} is not a key of {where or 'the config'}"
    if not valid:
        return UserError(what, f"leave it out: {where} has no keys")
    return UserError(what, f"did you mean {key(where, closest(name, valid))}")


def invalid_choice(here: str, value: object, choices: Sequence[str]) -> UserError:
    """The fault of a word that is none of the choices."""
    what = f"{here}={format_value(value)} is not a choice"
    if not choices:
        return UserError(what, f"leave it out: {here} has no choices yet")
    near = closest(format_value(value), choices)
    return UserError(what, f"did you mean {near} (choices: {', '.join(choices)})")
