"""Pictures of run folders beside each other, lettered as in the review."""

import io
import math
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as Canvas
from matplotlib.image import imread
from PIL import Image as Picture

from review.table import Figure
from vaerun.evaluation.figures.style import house_style
from vaerun.utils.errors import UserError

_WIDTH, _ROW, _TITLE, _GAP = 12.0, 3.4, 0.35, 0.12  # inches; a row is about this high
_MOST_OVER = 1.25  # height of a row over that; width of its pictures, so high, over the page's
_DPI = 110

Image = npt.NDArray[np.float32]


def draw(figure: Figure, folders: Mapping[str, Path], target: Path) -> None:
    """Save a figure of the review, in the format of the target's suffix.

    Pictures of a row are equally high, and as wide together as the page.

    Parameters
    ----------
    folders
        The run folder of each run that it needs.

    Raises
    ------
    UserError
        If a run has no such picture.
    """
    images = [
        _read(folders[panel.run] / "figures", f"{panel.file}.png") for panel in figure.panels
    ]
    titles = (
        f"({letter}) {panel.words}"
        for letter, panel in zip(string.ascii_lowercase, figure.panels, strict=False)
    )
    rows = _rows(images, figure.most_in_row)
    heights = [_height(row) for row in rows]
    total = sum(heights) + _TITLE * len(rows)
    with house_style():
        canvas = Canvas(figsize=(_WIDTH, total), dpi=_DPI)
        top = total
        for row, height in zip(rows, heights, strict=True):
            top, left = top - _TITLE, 0.0
            for image in row:
                width = height * _aspect(image)
                box = (left / _WIDTH, (top - height) / total, width / _WIDTH, height / total)
                axes = canvas.add_axes(box)
                axes.imshow(image, interpolation="antialiased", aspect="auto")
                axes.set_title(next(titles), fontsize=9, loc="left")
                axes.set_axis_off()
                left += width + _GAP
            top -= height
        drawn = io.BytesIO()
        canvas.savefig(drawn, dpi=_DPI)
    target.parent.mkdir(parents=True, exist_ok=True)
    Picture.open(drawn).convert("RGB").save(target, quality=85)  # of WebP, a tenth of a PNG


def _rows(images: Sequence[Image], most: int) -> list[list[Image]]:
    """Pictures by rows of at most so many, each of which is nearly as wide as the page."""
    rows: list[list[Image]] = []
    for image in images:
        wide = sum(map(_aspect, rows[-1])) if rows else math.inf
        fits = (wide + _aspect(image)) * _ROW <= _MOST_OVER * _WIDTH
        if fits and wide * _ROW < _WIDTH and len(rows[-1]) < most:
            rows[-1].append(image)
        else:
            rows.append([image])
    return rows


def _height(row: Sequence[Image]) -> float:
    """Inches of pictures beside each other."""
    free = _WIDTH - _GAP * (len(row) - 1)
    return min(free / sum(map(_aspect, row)), _ROW * _MOST_OVER)


def _aspect(image: Image) -> float:
    """Width over height."""
    return image.shape[1] / image.shape[0]


def _read(folder: Path, pattern: str) -> Image:
    """The first picture, (H, W, 3), whose name is as the pattern."""
    paths = sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name))
    if not paths:
        there = ", ".join(sorted(file.stem for file in folder.glob("*.png")))
        raise UserError(f"{folder / pattern} is not there", f"name a picture of that run: {there}")
    return np.asarray(imread(paths[0])[..., :3], np.float32)
