"""Pictures of run folders beside each other, lettered as in the review."""

import string
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as Canvas
from matplotlib.image import imread

from review.table import Figure
from vaerun.evaluation.figures.style import house_style
from vaerun.utils.errors import UserError

_WIDTH = 12  # inches of a figure
_DPI = 110


def draw(figure: Figure, folders: Mapping[str, Path], target: Path) -> None:
    """Save a figure of the review as PNG.

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
        _read(folders[panel.run] / "figures" / f"{panel.file}.png") for panel in figure.panels
    ]
    rows = [images[i : i + figure.columns] for i in range(0, len(images), figure.columns)]
    # each row as high as its tallest picture, all as wide as a column
    heights = [max(image.shape[0] / image.shape[1] for image in row) for row in rows]
    side = _WIDTH / figure.columns
    with house_style():
        canvas = Canvas(figsize=(_WIDTH, side * sum(heights) + 0.35 * len(rows)), dpi=_DPI)
        canvas.set_layout_engine("constrained")
        axes = canvas.subplots(
            len(rows), figure.columns, squeeze=False, height_ratios=heights
        ).flatten()
        for letter, place, panel, image in zip(
            string.ascii_lowercase, axes, figure.panels, images, strict=False
        ):
            place.imshow(image, interpolation="antialiased")
            place.set_title(f"({letter}) {panel.words}", fontsize=9, loc="left")
        for place in axes:
            place.set_axis_off()
            place.set_anchor("N")  # a row is as high as its tallest picture
        target.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(target, dpi=_DPI)


def _read(path: Path) -> npt.NDArray[np.float32]:
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in path.parent.glob("*.png")))
        raise UserError(f"{path} is not there", f"name a picture of that run: {there}")
    return np.asarray(imread(path)[..., :3], np.float32)
