"""Arrays of a file whose names differ in a number, as frame_0 and frame_1, are one stack."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaerun.data.io.lazy_array import ArraySelector, Shapes, is_image

_DIGITS = re.compile(r"(\d{1,18})")
Numbers = tuple[int, ...]


def find_stacks(
    shapes: Shapes, types: Mapping[str, np.dtype[Any]], selector: ArraySelector
) -> dict[str, list[str]]:
    """Names of the parts of each stack, in the order of their numbers, by a name of the stack.

    Parts are images of one type and size whose names differ in a single number, wherever it
    stands; of names that differ in several numbers those with all but the last in common.
    """
    alike: dict[tuple[Any, ...], list[str]] = {}
    for name, shape in shapes.items():
        text, numbers = split_numbers(name)
        if numbers and is_image(shape, selector):
            size = shape if len(shape) == 2 else shape[1:]
            alike.setdefault((text, len(shape), size, types[name]), []).append(name)
    groups = [names for every in alike.values() for names in _by_one_number(every)]
    return {f"{names[0]} to {names[-1]}": names for names in groups if len(names) > 1}


def split_numbers(name: str) -> tuple[tuple[str, ...], Numbers]:
    """What is between the numbers in a name, and the numbers."""
    parts = _DIGITS.split(name)
    return tuple(parts[::2]), tuple(map(int, parts[1::2]))


def stack_shape(names: Sequence[str], shapes: Shapes) -> tuple[int, ...]:
    """Shape of the arrays (H, W) or (n, …) of some names, one after the other."""
    first = shapes[names[0]]
    if len(first) == 2:
        return len(names), *first
    return sum(shapes[name][0] for name in names), *first[1:]


def _by_one_number(names: Sequence[str]) -> list[list[str]]:
    """Names that differ in numbers, in groups that differ in one, each in its order."""
    numbers = {name: split_numbers(name)[1] for name in names}
    counts = [len(set(column)) for column in zip(*numbers.values(), strict=True)]
    varying = [i for i, n in enumerate(counts) if n > 1]
    at = varying[0] if len(varying) == 1 else len(counts) - 1
    groups: dict[Numbers, list[str]] = {}
    for name in names:
        groups.setdefault(numbers[name][:at] + numbers[name][at + 1 :], []).append(name)
    return [sorted(group, key=lambda name: numbers[name][at]) for group in groups.values()]
