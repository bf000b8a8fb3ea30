"""Keys whose value is a word of the user's, such as a path: taken as typed, whatever is in it.

Hydra's grammar has meanings of its own for spaces, commas, brackets, ``=``, ``#`` and for what
looks like a number (``2024_03`` is 202403, ``1e3`` is 1000.0). None of them is meant in a path or
in the name of a column, so such a value is quoted before Hydra gets it.
"""

import re
from collections.abc import Iterator

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from vaerun.utils.paths import expanded, matching_paths
from vaerun.utils.text import as_text

PATHS = frozenset(
    {
        "out",
        "resume",
        "run",
        "data.path",
        "data.target_path",
        "data.points",
        "data.root",
        "data.table",
        "task.space",
        "data.keep",
        "data.drop",
        "data.from_run",
        "model.start_from",
    }
)
NAMES = frozenset(
    {
        "data.axes",
        "data.axis_key",
        "data.axis_name",
        "data.axis_unit",
        "data.key",
        "data.label",
        "data.name",
        "data.target_key",
        "model.category.target",
        "task.objective",
    }
)
LISTS = frozenset(  # of names
    {"data.factors", "data.ring_classes", "model.category.condition", "task.metrics"}
)
WORDS = PATHS | NAMES | LISTS
_NEVER_NULL = frozenset({"out", "data.name", "data.root"})
_FUNCTION = re.compile(r"(choice|range|glob|interval|sort|shuffle|tag|extend_list)\(.*\)", re.S)
_QUOTED = re.compile(r"""\s*('([^'\\]|\\.)*'|"([^"\\]|\\.)*")\s*""", re.S)


def parse_by_hydra(text: str) -> Override | None:
    """An override as Hydra reads it; None where its grammar does not take it."""
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException:
        return None


def with_quoted_word(text: str) -> str:
    """An override of one run, its value quoted where that is needed for Hydra to read a word."""
    name, _, value = text.partition("=")
    key = name.lstrip("+")
    if key in LISTS or (key == "run" and _is_list(value)):
        return f"{name}={_quoted_list(value)}" if _is_list(value) else text
    if key in NAMES:
        return f"{name}={_quoted_word(as_text(value), may_be_null=key not in _NEVER_NULL)}"
    if key in PATHS:
        if _is_sweep_of_paths(value):  # a fault, unless after -m
            return f"{name}={','.join(quoted(part.strip()) for part in _split(value))}"
        return f"{name}={_quoted_word(value, may_be_null=key not in _NEVER_NULL)}"
    return text


def sweep_of_words(text: str) -> list[str] | None:
    """The overrides of each value of a sweep over words; None for other keys, and functions."""
    name, _, value = text.partition("=")
    if name.lstrip("+") not in PATHS | NAMES or _FUNCTION.fullmatch(value):
        return None
    parts = list(_split(value))
    if len(parts) == 1 or (_is_there(value) and not _is_sweep_of_paths(value)):
        return [with_quoted_word(text)]
    return [f"{name}={part}" for part in parts]


def word(value: str) -> str:
    """A typed word without the quotes or escapes that Hydra would read."""
    override = parse_by_hydra(f"x={_quoted_word(value, may_be_null=False)}")
    return value if override is None else str(override.value())


def quoted(value: str) -> str:
    """A word in quotes, for Hydra."""
    return QuotedString(text=value, quote=Quote.single).with_quotes()


def _quoted_word(value: str, *, may_be_null: bool) -> str:
    """A value that Hydra reads as a word, or as null."""
    if may_be_null and value.lower() == "null":
        return value
    parsed = parse_by_hydra(f"x={value}")
    read = None if parsed is None or parsed.is_sweep_override() else parsed.value()
    if isinstance(read, str) and (read == value or not _is_there(value)):
        return value
    return quoted(value.replace("${", r"\${")) if value else value


def _quoted_list(value: str) -> str:
    items = (as_text(item.strip()) for item in _split(value.strip()[1:-1]))
    return "[" + ",".join(_quoted_word(item, may_be_null=False) for item in items if item) + "]"


def _is_list(value: str) -> bool:
    """Whether a value is in brackets as a whole."""
    bare = value.strip()
    return bare.startswith("[") and bare.endswith("]") and not _is_there(value)


def _split(value: str) -> Iterator[str]:
    """The parts of a value between commas that are not in quotes, in brackets or escaped."""
    start = depth = at = 0
    while at < len(value):
        char = value[at]
        if char in "'\"" and value[start:at].strip() == "" and (q := _QUOTED.match(value, at)):
            at = q.end()
            continue
        if char == "\\":
            at += 1
        elif char in "[{(":
            depth += 1
        elif char in "]})":
            depth = max(depth - 1, 0)
        elif char == "," and not depth:
            yield value[start:at]
            start = at + 1
        at += 1
    yield value[start:]


def _is_there(value: str) -> bool:
    """Whether a value, as typed, names something that exists."""
    try:
        return bool(value) and (expanded(value).exists() or bool(matching_paths(value)))
    except (OSError, ValueError):  # too long, or with a zero byte
        return False


def _is_sweep_of_paths(value: str) -> bool:
    """Whether commas part a value into several paths that are all there, as it is not."""
    parts = [part.strip() for part in _split(value)]
    return len(parts) > 1 and all(map(_is_there, parts)) and not _is_there(value)
