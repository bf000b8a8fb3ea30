"""The page `docs/review.md`: each figure, our command, our picture, what differs."""

from pathlib import Path

from review.table import Figure, Table

_HEAD = """\
# The figures of the review

The figures of *Physics and Chemistry from Parsimonious Representations: Image Analysis via
Invariant Variational Autoencoders* (Valletti, Liu and Kalinin, 2023), made again: what each shows,
the commands whose pictures we put in its place, and what differs. The runs are small ones;
[results](results.md) has numbers over seeds.

```bash
python scripts/review_figures.py              # all, an hour or two on two cores
python scripts/review_figures.py --only 6     # one
python scripts/review_figures.py --list
```

Digits are downloaded once, or read from `data.root`: `… -- data.root=data/mnist`.
"""


def page(table: Table, pictures: Path) -> str:
    """The page in Markdown; a figure whose picture is not in the folder is said to be missing."""
    parts = [_HEAD]
    for figure in table.figures.values():
        parts.append(f"## Figure {figure.number}: {figure.title}\n\n{figure.shows}\n")
        if figure.panels:
            words = "\n".join(f"vaerun {table.runs[run]}" for run in figure.runs)
            parts.append(f"```bash\n{words}\n```\n")
            parts.append(_picture(figure, pictures))
        parts.append(f"**What differs.** {figure.differs}\n")
    return "\n".join(parts)


def file_name(figure: Figure) -> str:
    """The name of a figure's picture."""
    return f"figure_{figure.number:02d}.webp"


def _picture(figure: Figure, pictures: Path) -> str:
    if (pictures / file_name(figure)).is_file():
        return f"![{figure.title}]({pictures.name}/{file_name(figure)})\n"
    return f"*Not drawn yet: `python scripts/review_figures.py --only {figure.number}` does it.*\n"
