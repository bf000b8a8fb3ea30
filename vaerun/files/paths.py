"""The files that a path names: one file, those of a folder, those that match a pattern."""

import re
from pathlib import Path

from vaerun.files.formats import FORMATS
from vaerun.utils.errors import UserError


def find(path: str, *, below: bool = False) -> list[Path]:
    """All files of a known format, in natural order: frame_2 before frame_10.

    Parameters
    ----------
    path
        File, folder or glob; ``~`` is the home folder.
    below
        Whether a folder that holds folders of files, and no file itself, stands for all those.

    Raises
    ------
    UserError
        If there are none.
    """
    given = expanded(path)
    if given.is_file():
        if given.suffix.lower() not in FORMATS:
            raise UserError(f"data.path={path} is of no known format", f"give {known_formats()}")
        return [given]
    candidates = _candidates(given)
    files = _readable(candidates)
    if below and not files:
        folders = [one for one in candidates if one.is_dir() and one.name[0] != "."]
        files = [file for folder in folders for file in _readable(_candidates(folder))]
    if not files:
        kind = "holds no file" if given.is_dir() else "matches no file"
        raise UserError(f"data.path={path} {kind} of a known format", f"give {known_formats()}")
    return sorted(files, key=natural)


def expanded(path: str) -> Path:
    """A path whose ``~`` is the home folder, unless that begins a name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user
        return Path(path)


def known_formats() -> str:
    """What to give, in words."""
    *first, last = sorted(FORMATS)
    return f"a file, folder or glob of {', '.join(first)} or {last} files"


def natural(name: Path | str) -> list[str | int]:
    """For sorting by the numbers in names."""
    parts = re.split(r"(\d+)", str(name))  # text and digits take turns
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _readable(candidates: list[Path]) -> list[Path]:
    return [
        file
        for file in candidates
        if file.suffix.lower() in FORMATS and file.name[0] != "." and file.is_file()
    ]


def _candidates(given: Path) -> list[Path]:
    """What lies in a folder, or matches a glob."""
    try:
        if given.is_dir():
            return list(given.iterdir())
        return list(Path(given.anchor).glob(str(given.relative_to(given.anchor))))
    except (OSError, ValueError):  # not ours to look into, or no pattern
        return []
