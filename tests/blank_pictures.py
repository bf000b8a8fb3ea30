"""Figures that are made but saved blank: to render them is half of the time of a small run.

As a script this is `vaerun` without pictures, for tests that start it many times.
"""

import io
import sys

from matplotlib.figure import Figure
from PIL import Image

from vaerun.cli import main
from vaerun.evaluation.figures import gallery

PNG = gallery.png


def blank(figure: Figure) -> bytes:
    """A PNG file of a figure's size with nothing on it."""
    buffer = io.BytesIO()
    width, height = (int(side * figure.dpi) for side in figure.get_size_inches())
    Image.new("RGBA", (width, height), "white").save(buffer, "png", compress_level=1)
    return buffer.getvalue()


if __name__ == "__main__":
    gallery.png = blank
    sys.exit(main())
