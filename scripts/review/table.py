"""The table of figures and runs, read from `figures.yaml`."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from reproduction.row import Row

FILE = Path(__file__).with_name("figures.yaml")


@dataclass(frozen=True)
class Panel:
    """A picture of a figure: the run, the file in its `figures/` without ``.png``, the words."""

    run: str
    file: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of the review: what it shows, what makes it, what differs; all in Markdown."""

    number: int
    title: str
    shows: str
    differs: str
    panels: tuple[Panel, ...]
    most_in_row: int = 4

    @property
    def runs(self) -> list[str]:
        """Names of the runs that it needs, each once."""
        return list(dict.fromkeys(panel.run for panel in self.panels))


@dataclass(frozen=True)
class Table:
    """All figures by number, and the overrides of each run."""

    figures: dict[int, Figure]
    runs: dict[str, str]

    def row(self, run: str) -> Row:
        """A run as `reproduction.runner.Runner` takes it."""
        return Row(run, None, (), 1, tuple(self.runs[run].split()))


def read() -> Table:
    """The table of `figures.yaml`."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    figures = {}
    for number, entry in content["figures"].items():
        panels = tuple(Panel(*panel) for panel in entry.pop("panels"))
        figures[number] = Figure(number=number, panels=panels, **entry)
    return Table(figures, content["runs"])
