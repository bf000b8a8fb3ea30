"""Title, explanation and place of each figure in the report."""

import re
from functools import cache

import yaml

from vaerun.evaluation.report.templates import asset


def caption(name: str) -> tuple[str, str]:
    """Title and explanation of a figure; the bare name of a figure that has none."""
    for entry in _captions():
        match = re.fullmatch(entry["name"], name)
        if match:
            parts = (part.replace("_", ", ") for part in match.groups())
            return entry["title"].format(*parts), entry["text"]
    return name.replace("_", " ").capitalize(), ""


def in_reading_order(names: list[str]) -> list[str]:
    """Figures in the order of the captions, frame by frame; those without a caption come last."""
    patterns = [entry["name"] for entry in _captions()]

    def place(name: str) -> tuple[int, ...]:
        rank = next((i for i, p in enumerate(patterns) if re.fullmatch(p, name)), len(patterns))
        numbers = [int(number) for number in re.findall(r"\d+", name)]
        if rank < len(patterns) and name.startswith("frame_"):
            first = next(i for i, pattern in enumerate(patterns) if pattern.startswith("frame_"))
            return first, numbers[0], rank, *numbers[1:]
        return rank, *numbers

    return sorted(names, key=place)


@cache
def _captions() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = yaml.safe_load(asset("captions.yaml"))
    return entries
