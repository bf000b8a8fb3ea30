"""Figures that are made but saved blank: to render them is half of the time of a small run."""

import io

from matplotlib.figure import Figure
from PIL import Image

from vaerun.evaluation.figures import gallery

PNG = gallery.png


def blank(figure: Figure) -> bytes:
    """A PNG file of a figure's size with nothing on it."""
    buffer = io.BytesIO()
    width, height = (int(side * figure.dpi) for side in figure.get_size_inches())
    Image.new("RGBA", (width, height), "white").save(buffer, "png", compress_level=1)
    return buffer.getvalue()
