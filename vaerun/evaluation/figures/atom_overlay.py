"""Atoms and rings drawn over their frame."""

from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from vaerun.data.datasets.patches import PatchSource
from vaerun.evaluation.figures.style import house_style, new_figure
from vaerun.microscopy.frame import brightness, reduced
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.rings import find_rings
from vaerun.utils.files import atomic_path

RING_COLOURS = {4: "#7a21dd", 5: "#e42536", 7: "#5790fc", 8: "#964a8b"}  # rings of six: none
_SIDE_INCHES = 7.0
_LONGEST_SIDE = 2048  # pixels of a frame, twice what a figure shows


def save_overlay(scene: PatchSource, number: int, path: Path) -> None:
    """Save a PNG of a frame with bonds, silicon atoms and rings of other than six atoms."""
    assert scene.atoms is not None
    frame, atoms = scene.frames[number], scene.atoms
    rows = np.flatnonzero(atoms.frame == number)
    first = rows[0] if len(rows) else 0
    position = atoms.position[rows]
    i, k = np.nonzero(atoms.neighbours[rows] >= 0)
    pairs = np.stack([i, atoms.neighbours[rows][i, k] - first], axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    rings = find_rings(position, pairs)
    silicon = atoms.species[rows] == SILICON
    height, width = frame.image.shape
    with house_style():
        figure = new_figure(_SIDE_INCHES, _SIDE_INCHES * height / width + 0.4)
        axes = figure.add_subplot()
        image, step = reduced(frame.image, _LONGEST_SIDE)
        bottom, right = (step * side - 0.5 for side in image.shape)
        axes.imshow(brightness(image), cmap="gray", extent=(-0.5, right, bottom, -0.5))
        axes.add_collection(
            LineCollection(list(position[pairs][:, :, ::-1]), colors="#f8c820", linewidths=0.7)
        )
        for size, colour in RING_COLOURS.items():
            corners = [
                position[rings.atom[rings.start[r] : rings.start[r + 1]]][:, ::-1]
                for r in np.flatnonzero(rings.size == size)
            ]
            if corners:
                axes.add_collection(
                    PolyCollection(corners, facecolors=colour, alpha=0.45, label=f"ring of {size}")
                )
        axes.plot(
            *position[silicon].T[::-1], "o", mfc="none", mec="#3ddc84", ms=9, mew=1.4, label="Si"
        )
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
        axes.set_title(f"{frame.name}: {len(rows):,} atoms, {int(silicon.sum())} Si")
        figure.legend(loc="outside lower center", ncols=6)
        with atomic_path(path) as unfinished:
            figure.savefig(unfinished)
