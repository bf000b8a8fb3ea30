"""Atoms drawn over their frame: with bonds and rings, or coloured by sublattice."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection, PolyCollection

from vaerun.data.datasets.patch_grid import PatchSource
from vaerun.evaluation.figures.style import house_style, new_figure
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import brightness, reduced
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.peaks import nearest_distance
from vaerun.microscopy.rings import find_rings
from vaerun.utils.files import atomic_path

RING_COLOURS = {4: "#7a21dd", 5: "#e42536", 7: "#5790fc", 8: "#964a8b"}  # rings of six: none
SUBLATTICE_COLOURS = ("#ffa90e", "#3f90da", "#bd1f01")
_SIDE_INCHES = 7.0
_LONGEST_SIDE = 2048  # pixels of a frame, twice what a figure shows
_CIRCLE = 0.6  # of the distance of neighbours


def save_overlay(scene: PatchSource, number: int, path: Path) -> None:
    """Save a PNG of a frame with its atoms, as suits them."""
    assert scene.atoms is not None
    frame = scene.frames[number]
    height, width = frame.image.shape
    longer = max(height, width)
    with house_style():
        figure = new_figure(
            max(_SIDE_INCHES * width / longer, 3), max(_SIDE_INCHES * height / longer, 1) + 0.6
        )
        axes = figure.add_subplot()
        image, step = reduced(frame.image, _LONGEST_SIDE)
        bottom, right = (step * side - 0.5 for side in image.shape)
        axes.imshow(brightness(image), cmap="gray", extent=(-0.5, right, bottom, -0.5))
        if isinstance(scene.atoms, LatticeAtoms):
            _draw_sublattices(axes, scene.atoms, number)
            title = f"{int((scene.atoms.frame == number).sum()):,} atoms"
        else:
            title = _draw_rings(axes, scene.atoms, number)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
        axes.set_title(f"{frame.name}: {title}")
        if axes.get_legend_handles_labels()[1]:
            figure.legend(loc="outside lower center", ncols=6)
        with atomic_path(path) as unfinished:
            figure.savefig(unfinished)


def _draw_sublattices(axes: Axes, atoms: LatticeAtoms, number: int) -> None:
    """A circle around each atom, in the colour of its sublattice."""
    here = atoms.frame == number
    n = int(atoms.species.max()) + 1
    for j in range(n):
        position = atoms.position[here & (atoms.species == j)]
        nearest = atoms.position[here]
        diameter = _CIRCLE * nearest_distance(nearest) if len(nearest) > 1 else 10.0
        colour = SUBLATTICE_COLOURS[j % len(SUBLATTICE_COLOURS)]
        circles = EllipseCollection(
            np.full(len(position), diameter),
            np.full(len(position), diameter),
            np.zeros(len(position)),
            units="xy",
            offsets=position[:, ::-1],
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=colour,
            linewidths=0.8,
        )
        axes.add_collection(circles)
        if n > 1:
            axes.plot([], [], "o", mfc="none", mec=colour, label=f"sublattice {j}")


def _draw_rings(axes: Axes, atoms: Atoms, number: int) -> str:
    """Bonds, silicon atoms and rings of other than six atoms; returns a title."""
    rows = np.flatnonzero(atoms.frame == number)
    first = rows[0] if len(rows) else 0
    position = atoms.position[rows]
    i, k = np.nonzero(atoms.neighbours[rows] >= 0)
    pairs = np.stack([i, atoms.neighbours[rows][i, k] - first], axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    rings = find_rings(position, pairs)
    silicon = atoms.species[rows] == SILICON
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
    return f"{len(rows):,} atoms, {int(silicon.sum())} Si"
