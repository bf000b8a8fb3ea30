"""Paths that the user typed: found whatever the encoding of their names, or said to be missing."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from vaerun.utils.errors import UserError
from vaerun.utils.text import as_text

_WILD = frozenset("*?[")
_MOST_NEAR = 3  # names that are proposed in place of one that is missing
_ALIKE = 0.6  # least likeness of a name that is proposed


def expanded(path: str | Path) -> Path:
    """A typed path as the file system has it.

    ``~`` is the home folder, unless it begins another name. Where nothing has the very name, an
    entry is taken that reads the same: with decomposed accents, or in another encoding.
    """
    try:
        given = Path(path).expanduser()
    except RuntimeError:  # no user of that name
        given = Path(path)
    try:
        os.fsencode(given)
    except UnicodeEncodeError:  # the locale lacks these characters: the bytes of UTF-8
        given = Path(os.fsdecode(str(given).encode("utf-8", "surrogateescape")))
    if str(given).isascii() or exists(given):
        return given
    found = Path(given.anchor)
    for part in given.relative_to(given.anchor).parts:
        found = _entry(found, part) or found / part
    return found if exists(found) else given


def matching_paths(pattern: str | Path) -> list[Path]:
    """What a path or a glob matches, in no order.

    A part that exists by its very name is no pattern, so that ``run [1]/*.npy`` is the files in
    that folder. Where nothing matches, brackets are tried as the characters that they are.
    """
    given = expanded(pattern)
    parts = given.relative_to(given.anchor).parts
    try:
        return _matches(Path(given.anchor), parts) or _matches(
            Path(given.anchor), [part.replace("[", "[[]") for part in parts]
        )
    except (OSError, ValueError):  # no permission, or not a pattern
        return []


def fixed_folder(path: Path) -> Path:
    """The part of a glob before the first wildcard, or the folder of a file."""
    folder = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts[:-1]:
        if _WILD & set(part) and not exists(folder / part):
            break
        folder = folder / part
    return folder


def is_pattern(path: Path) -> bool:
    """Whether a path has a wildcard in a part that does not exist by its very name."""
    folder = fixed_folder(path)
    rest = path.relative_to(folder).parts
    return any(_WILD & set(part) for part in rest) and not exists(path)


def missing(what: str, path: Path, otherwise: str) -> UserError:
    """The fault of a path that is not there, with names like it where there are some.

    Parameters
    ----------
    what
        What is wrong, such as ``data.path=x.npy is not there``.
    path
        The path, from `expanded`.
    otherwise
        What to give, where no name is like it.
    """
    folder = path.parent
    if os.path.islink(path):  # noqa: PTH114  pathlib raises where a folder is forbidden
        return UserError(f"{what}: it links to {os.readlink(path)}", otherwise)  # noqa: PTH115
    lost = path.name
    while not exists(folder) and folder != folder.parent:
        lost, folder = folder.name, folder.parent
    where = os.path.abspath(folder)  # noqa: PTH100
    try:
        entries = {as_text(name).casefold(): name for name in os.listdir(folder)}  # noqa: PTH208
    except OSError as error:
        return UserError(f"{what}: {where} cannot be looked into ({error.strerror})", otherwise)
    near = difflib.get_close_matches(as_text(lost).casefold(), entries, _MOST_NEAR, _ALIKE)
    hint = f"did you mean {' or '.join(entries[name] for name in near)}" if near else otherwise
    return UserError(what, f"{hint}; looked for {lost} in {where}")


def exists(path: Path) -> bool:
    """Whether something is there; False where that cannot be known, without an error."""
    return os.path.lexists(path)


def _entry(folder: Path, name: str) -> Path | None:
    """The entry of a folder with this name, or else with one that reads the same."""
    if exists(folder / name):
        return folder / name
    if name.isascii():
        return None
    try:
        entries = os.listdir(folder)  # noqa: PTH208  generators of pathlib stop at odd names
    except OSError:
        return None
    return next((folder / e for e in entries if as_text(e) == as_text(name)), None)


def _matches(folder: Path, parts: Sequence[str]) -> list[Path]:
    """What the parts of a pattern match in a folder."""
    if not parts:
        return [folder]
    literal = _entry(folder, parts[0])
    if literal is not None:
        return _matches(literal, parts[1:])
    found = list(folder.glob(str(Path(*parts))))
    if found or len(parts) == 1 or parts[0] == "**":
        return found
    below = [path for path in folder.glob(parts[0]) if path.is_dir()]
    return [path for one in below for path in _matches(one, parts[1:])]


def with_home(override: str) -> str:
    """An override with the home folder in place of a ``~`` at the beginning of its value.

    The shell leaves the ``~`` of ``data.root=~/mnist``, and Hydra refuses it.
    """
    name, equals, value = override.partition("=")
    return name + equals + str(Path(value).expanduser()) if value.startswith("~/") else override
