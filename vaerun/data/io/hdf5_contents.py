"""Which arrays an HDF5 file holds, behind links, too, and which of them are the images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from vaerun.data.io.lazy_array import (
    NUMERIC,
    ArraySelector,
    Shapes,
    is_image,
    listed,
    select_array,
)
from vaerun.data.io.numbered_arrays import find_stacks, split_numbers, stack_shape
from vaerun.utils.errors import UserError


@dataclass(frozen=True)
class Contents:
    """What an HDF5 file holds.

    Attributes
    ----------
    arrays
        Data sets by their full names, each once, whatever links lead to it.
    missing
        What links lead nowhere to: a file, by the full name of the link.
    """

    arrays: dict[str, h5py.Dataset] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Chosen(NamedTuple):
    """Data sets whose images follow each other, and what the user should know of others."""

    arrays: Sequence[h5py.Dataset]
    notes: list[str]


def contents(opened: h5py.File) -> Contents:
    """Every data set of a file; hard links are followed before others."""
    found, seen = Contents(), {_identity(opened["/"])}
    waiting: list[tuple[h5py.Group, str]] = [(opened["/"], "")]
    links: list[tuple[h5py.Group, str, str]] = []
    while waiting or links:
        if not waiting:
            parent, name, full = links.pop(0)
            _follow(parent, name, full, found, seen, waiting)
            continue
        group, prefix = waiting.pop()
        for name in group:
            full = f"{prefix}{name}"
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                _follow(group, name, full, found, seen, waiting)
            else:
                links.append((group, name, full))
    arrays = dict(sorted(found.arrays.items()))
    return Contents(arrays, found.missing)


def _follow(
    parent: h5py.Group,
    name: str,
    full: str,
    found: Contents,
    seen: set[Any],
    waiting: list[tuple[h5py.Group, str]],
) -> None:
    """Note what a link leads to, unless it is known already."""
    try:
        item = parent[name]
    except (KeyError, OSError):
        link = parent.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            there = (Path(parent.file.filename).parent / link.filename).exists()
            found.missing[full] = link.filename if not there else f"{link.path} in {link.filename}"
        return
    identity = _identity(item)
    if identity in seen:
        return
    seen.add(identity)
    if isinstance(item, h5py.Dataset):
        found.arrays[full] = item
    elif isinstance(item, h5py.Group):
        waiting.append((item, f"{full}/"))


def _identity(item: h5py.HLObject) -> tuple[int, int]:
    facts = h5py.h5o.get_info(item.id)
    return facts.fileno, facts.addr


def choose(opened: h5py.File, file: Path, selector: ArraySelector) -> Chosen:
    """The data sets that hold the images: the named ones, or the largest.

    Data sets of one type and size whose names differ in a number, such as the parts that the
    master file of a detector links to, are one stack.

    Raises
    ------
    UserError
        If there are none, if there are several others of one size, or if a part is missing.
    """
    known = contents(opened)
    if selector.key is not None:
        known, selector = _named(opened, known, file, selector)
    arrays = {name: one for name, one in known.arrays.items() if one.dtype.kind in NUMERIC}
    shapes: Shapes = {name: one.shape or () for name, one in arrays.items()}
    stacks = find_stacks(shapes, {name: one.dtype for name, one in arrays.items()}, selector)
    if selector.key is not None:
        return Chosen([arrays[select_array(shapes, file, selector)]], [])
    parts = {name for names in stacks.values() for name in names}
    together = {name: shape for name, shape in shapes.items() if name not in parts}
    together |= {name: stack_shape(names, shapes) for name, names in stacks.items()}
    name = _default(opened, arrays, together, selector)
    if name is None:
        if known.missing and not any(is_image(shape, selector) for shape in together.values()):
            raise _missing(file, known.missing)
        name = select_array(together, file, selector)
    names = stacks.get(name, [name])
    lost = {link: gone for link, gone in known.missing.items() if _siblings(link, names)}
    if lost:
        raise _missing(file, lost)
    return Chosen([arrays[one] for one in names], _notes(file, names, shapes, known.missing))


def _named(
    opened: h5py.File, known: Contents, file: Path, selector: ArraySelector
) -> tuple[Contents, ArraySelector]:
    """Contents with the named data set, or those of the named group, which then needs no name."""
    name = (selector.key or "").strip("/")
    if name in known.missing:
        raise _missing(file, {name: known.missing[name]})
    item = opened.get(name) if name else opened
    if isinstance(item, h5py.Dataset):
        return Contents({**known.arrays, name: item}), selector
    if not isinstance(item, h5py.Group):
        return known, selector
    inner = contents(item)
    arrays = {f"{name}/{one}".lstrip("/"): array for one, array in inner.arrays.items()}
    missing = {f"{name}/{one}".lstrip("/"): gone for one, gone in inner.missing.items()}
    return Contents(arrays, missing), selector._replace(key=None)


def _siblings(link: str, names: Sequence[str]) -> bool:
    """Whether a link is one of the parts of a stack, or in the same group as its only array."""
    text, numbers = split_numbers(link)
    return bool(numbers) and any(split_numbers(name)[0] == text for name in names)


def _default(
    opened: h5py.File,
    arrays: Mapping[str, h5py.Dataset],
    together: Shapes,
    selector: ArraySelector,
) -> str | None:
    """The data set that a NeXus file names as the one to plot, if it is an image."""
    signals = {name for name, one in arrays.items() if one.attrs.get("signal") in (1, "1", b"1")}
    marked = [n for n in together if n in signals and is_image(together[n], selector)]
    if len(marked) == 1:  # as NeXus had it before 2014
        return marked[0]
    for group in _default_groups(opened):
        signal = group.attrs.get("signal")
        signal = signal.decode() if isinstance(signal, bytes) else signal
        item = group.get(signal) if isinstance(signal, str) else None
        if isinstance(item, h5py.Dataset):
            same = (name for name in together if name in arrays and arrays[name] == item)
            name = next(same, None)
            if name is not None and is_image(together[name], selector):
                return name
    return None


def _default_groups(opened: h5py.File) -> Iterator[h5py.Group]:
    group, seen = opened["/"], set()
    while isinstance(group, h5py.Group) and _identity(group) not in seen:
        seen.add(_identity(group))
        yield group
        default = group.attrs.get("default")
        default = default.decode() if isinstance(default, bytes) else default
        group = group.get(default) if isinstance(default, str) else None


def _missing(file: Path, missing: Mapping[str, str]) -> UserError:
    names = sorted(set(missing.values()))
    link = next(iter(missing))
    what = f"{file} links to {listed(names)}, which cannot be opened"
    if " in " in missing[link]:
        return UserError(what, "put the file back that has it, or name another by data.key=")
    return UserError(what, f"put it beside {file.name} (it is data set {link} there)")


def _notes(
    file: Path, names: Sequence[str], shapes: Shapes, missing: Mapping[str, str]
) -> list[str]:
    notes = []
    if len(names) > 1:
        notes.append(f"{file.name}: {names[0]} to {names[-1]} are one stack of {len(names)} parts")
    sides = shapes[names[0]][-2:]
    others = [n for n, shape in shapes.items() if n not in names and shape[-2:] == sides]
    others = [name for name in others if len(sides) == 2 and min(sides) > 1]
    if others:
        chosen = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        notes.append(
            f"{file.name}: {chosen} is read, {len(others)} other data set(s) of the same sides "
            f"left out ({listed(others)}): data.key={others[0]} names another"
        )
    if missing:
        notes.append(f"{file.name} links to files that cannot be opened: "
                     f"{listed(sorted(set(missing.values())))}")  # fmt: skip
    return notes
