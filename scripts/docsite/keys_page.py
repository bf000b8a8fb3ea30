"""The page of all groups, choices and keys, written from the schema and the YAML."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vaerun.config.groups import GROUPS, NAMED_BY_GROUP, choices
from vaerun.config.schema import describe, key
from vaerun.runs.config import RunConfig

_HEAD = """\
# Command line and keys

*This page is written from the program itself when the site is built.*

```text
vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]     one run
vaerun -m model=rvae,vae seed=0,1,2           every combination
vaerun --help                                 all choices
vaerun task=encode --help                     one task
vaerun --cfg job [...] [--resolve]            the composed config
vaerun --report-bug                           what a bug report needs
vaerun --version
```

A list is written in brackets and quoted for the shell: `'model.invariances=[r,t]'`. `null` is no
value. Keys that begin with `sweep.` and `hydra.` are for [many runs](../many_runs.md) and
[clusters](../clusters.md).
"""


_KEYS = """\
## Keys

The last column is what another value changes: *nothing* but where files are or what is shown;
numbers by *rounding*; the *training*; the *images*, how they are drawn or prepared; the
*selection* of images, labels and factors; the *files* that are read.
"""


class Key(NamedTuple):
    """A key: full name, what it means, the values that it may hold, what it affects.

    ``variants`` are the choices of its group that have it, none if all do.
    """

    name: str
    help: str
    values: str
    affects: str
    variants: tuple[str, ...]


def keys() -> list[Key]:
    """All keys of a run, each once, in the order of the schema."""
    found: dict[tuple[str, str, str], Key] = {}
    for one in _walk(RunConfig, "", "training", ()):
        same = (one.name, one.help, one.values)
        known = found.get(same)
        both = one.variants if known is None else (*known.variants, *one.variants)
        found[same] = one._replace(variants=tuple(dict.fromkeys(both)))
    return list(found.values())


def page() -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for group in GROUPS:
        rows = [f"| `{name}` | {_cell(phrase)} |" for name, phrase in choices(group).items()]
        parts.append("\n".join([f"## `{group}=`\n", "| choice | |\n|---|---|", *rows, ""]))
    parts.append(_KEYS)
    for title, names in _by_group().items():
        head = f"### `{title}`\n\n| key | meaning | values | changes |\n|---|---|---|---|"
        rows = [
            f"| `{one.name}` | {_cell(one.help)}{_where(one)} | {_cell(one.values)} "
            f"| {one.affects} |"
            for one in names
        ]
        parts.append("\n".join([head, *rows, ""]))
    return "\n".join(parts)


def _by_group() -> dict[str, list[Key]]:
    """Keys by what is before their last point; those of the root under ``vaerun``."""
    groups: dict[str, list[Key]] = {}
    for one in keys():
        groups.setdefault(one.name.rpartition(".")[0] or "vaerun", []).append(one)
    return groups


def _where(one: Key) -> str:
    return f" (of {', '.join(f'`{name}`' for name in one.variants)})" if one.variants else ""


def _walk(cls: type, where: str, default: str, variants: tuple[str, ...]) -> Iterator[Key]:
    """The keys of a config dataclass; those of a variant once for each that has it."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        here, metadata = key(where, field.name), field.metadata
        effect = metadata["affects"] or default
        options: Mapping[str, type] | None = metadata["variants"]
        if options is not None:
            yield from _of_variants(options, here, effect)
        elif dataclasses.is_dataclass(hints[field.name]):
            yield from _walk(hints[field.name], here, effect, variants)
        elif here not in NAMED_BY_GROUP:
            values = describe(hints[field.name], metadata)
            yield Key(here, metadata["help"], values, effect, variants)


def _of_variants(options: Mapping[str, type], here: str, effect: str) -> Iterator[Key]:
    """The keys of all choices of a group, with the choices that have each, unless all do."""
    of_each = {name: list(_walk(cls, here, effect, (name,))) for name, cls in options.items()}
    everywhere = set.intersection(*({k.name for k in found} for found in of_each.values()))
    for found in of_each.values():
        for one in found:
            yield one._replace(variants=()) if one.name in everywhere else one


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|")
