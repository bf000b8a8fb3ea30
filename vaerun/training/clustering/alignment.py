"""Align the templates of a class to one canonical orientation.

Each template has an orientation of its own. An image shared by two templates shows the rotation
between them; the best supported rotations span a tree over each class, and along it all its
templates are aligned. Without this a class whose shape varies can keep several orientations: a
blurred suit, sheared one way, looks like one sheared the other way and rotated.
"""

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import (
    breadth_first_order,
    connected_components,
    minimum_spanning_tree,
)
from torch import Tensor

# N images, M templates, K angles over the full circle.

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LEAST_PART = 0.01  # of the images, in a group of connected templates that gets an orientation
_NEAR = np.arange(-2, 3)  # steps around the most frequent rotation that are averaged


def align_templates(assignment: Floats, step: Tensor, group: Ints, n_angles: int) -> Floats:
    """Steps from each template to the canonical orientation of its class, (M,).

    NaN where no image links a template to the rest of its class.

    Parameters
    ----------
    assignment
        (N, M) soft assignment of images to templates.
    step
        (N, M) best angle of each template for each image, as a number of K equal steps.
    group
        (M,) class of each template.
    n_angles
        K.
    """
    weight, offset = _pairwise_rotations(assignment, step, group, n_angles)
    tree = minimum_spanning_tree(
        csr_array(np.where(weight > 0, 1 / np.maximum(weight, 1e-300), 0))
    )
    tree = tree + tree.T
    turn = np.full(len(group), np.nan)
    size = assignment.sum(0)
    _, part = connected_components(tree, directed=False)
    for j in np.unique(part):
        if size[part == j].sum() < _LEAST_PART * size.sum():
            continue
        root = int(np.where(part == j, size, -1).argmax())
        order, before = breadth_first_order(tree, root, directed=False)
        turn[root] = 0.0
        for m in order[1:]:
            turn[m] = turn[before[m]] + offset[before[m], m]
    return turn


def image_angles(turn: Floats, assignment: Floats, step: Tensor, n_angles: int) -> Floats:
    """Angle of each image against the canonical orientation of its class, (N,) radians.

    NaN where ``turn``, the (M,) result of `align_templates`, is. The images may be other than
    those that the templates were aligned with.
    """
    best = assignment.argmax(1)
    at_best = step.gather(1, torch.from_numpy(best)[:, None])[:, 0].numpy()
    return (at_best + turn[best]) % n_angles * (2 * np.pi / n_angles)


def _pairwise_rotations(
    assignment: Floats, step: Tensor, group: Ints, n_angles: int
) -> tuple[Floats, Floats]:
    """Support for the rotation between two templates, and the rotation in steps, (M, M) each.

    Rotations are fractions of a step: errors of whole steps would add up along the tree, and a
    class that leans by more than one rotation bin from end to end might split in two.
    """
    n_templates = len(group)
    top, pair = torch.from_numpy(assignment).topk(2, dim=1)
    steps = step.gather(1, pair).numpy()
    a, b = pair.numpy().T
    offset = (steps[:, 0] - steps[:, 1]) % n_angles
    votes = np.zeros((n_templates, n_templates, n_angles), np.float32)
    overlap = top.prod(1).numpy()
    np.add.at(votes, (a, b, offset), overlap)
    np.add.at(votes, (b, a, -offset % n_angles), overlap)
    votes[group[:, None] != group] = 0
    smooth = votes + 0.5 * (np.roll(votes, 1, 2) + np.roll(votes, -1, 2))
    most = smooth.argmax(2)
    near = np.take_along_axis(votes, (most[..., None] + _NEAR) % n_angles, 2)
    beside = (near @ _NEAR) / np.maximum(near.sum(2), 1e-30)
    return smooth.max(2).astype(np.float64), most + beside
