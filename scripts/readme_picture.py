"""Draw the README's picture of a finished run.

python scripts/readme_picture.py outputs/rvae/cards_iv/version_0 docs/cards_iv.png
"""

import json
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vaerun.evaluation.figures.style import class_colours, house_style


def main(run: Path, target: Path) -> None:
    """Draw inputs, decoded latent plane and encoded validation images side by side."""
    arrays = np.load(run / "figures/arrays.npz")
    classes = json.loads((run / "metrics.json").read_text())["classes"]
    with house_style():
        figure = Figure(figsize=(11, 3.7), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _mosaic(left, arrays["inputs"][:49].reshape(7, 7, *arrays["inputs"].shape[1:]))
        _mosaic(middle, arrays["manifold_data"])
        z, label = arrays["latent_z"], arrays["latent_label"]
        for j, (name, colour) in enumerate(zip(classes, class_colours(len(classes)), strict=True)):
            right.scatter(*z[label == j].T, s=1.5, color=colour, label=name, rasterized=True)
        right.legend(markerscale=6, loc="center left", bbox_to_anchor=(1.0, 0.5))
        right.set(xlabel="z1", ylabel="z2", box_aspect=1)
        figure.savefig(target)


def _mosaic(axes, tiles: np.ndarray) -> None:
    """Draw tiles (R, K, C, H, W) as one image."""
    rows, columns, _, height, width = tiles.shape
    picture = tiles[:, :, 0].transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
    axes.set_axis_off()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
