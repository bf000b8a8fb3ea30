"""One upright for each class, before training: neighbouring templates turned into line.

Each template has an upright of its own. Images torn between two templates tell by which angle one
is turned against the other; the surest of these ties span a tree over each class, and along it
all its templates get one upright. Without it a class whose shape varies can settle in several
orientations: a suit sheared one way looks, blurred, like one sheared the other way and turned.
"""

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from torch import Tensor

# N images, M templates, K angles over the whole circle.

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NEAR = np.arange(-2, 3)  # steps about the commonest offset whose mean is taken


def align_templates(share: Floats, step: Tensor, group: Ints, n_angles: int) -> Floats:
    """Steps by which to turn each template to its class's upright, (M,); NaN if it has no tie.

    Parameters
    ----------
    share
        (N, M) how much each image belongs to each template.
    step
        (N, M) at which of K equal steps round the circle each template fits each image best.
    group
        (M,) class of each template.
    n_angles
        K.
    """
    weight, offset = _pairwise_rotations(share, step, group, n_angles)
    tree = minimum_spanning_tree(
        csr_array(np.where(weight > 0, 1 / np.maximum(weight, 1e-300), 0))
    )
    tree = tree + tree.T
    turn = np.full(len(group), np.nan)
    size = share.sum(0)
    for j in np.unique(group):
        root = int(np.where(group == j, size, -1).argmax())
        order, before = breadth_first_order(tree, root, directed=False)
        turn[root] = 0.0
        for m in order[1:]:
            turn[m] = turn[before[m]] + offset[before[m], m]
    return turn


def image_angles(turn: Floats, share: Floats, step: Tensor, n_angles: int) -> Floats:
    """The angle of each image against the upright of its class, (N,) radians; NaN where unknown.

    Of any images, once it is known how templates are turned, (M,) by `align_templates`.
    """
    best = share.argmax(1)
    at_best = step.gather(1, torch.from_numpy(best)[:, None])[:, 0].numpy()
    return (at_best + turn[best]) % n_angles * (2 * np.pi / n_angles)


def _pairwise_rotations(
    share: Floats, step: Tensor, group: Ints, n_angles: int
) -> tuple[Floats, Floats]:
    """How surely two templates are turned against each other, and by how many steps, (M, M).

    By a fraction of a step, too: whole steps would add up along the tree, and a class that leans
    by more than a bin of rotation from one end to the other may break in two there.
    """
    n_templates = len(group)
    top, pair = torch.from_numpy(share).topk(2, dim=1)
    steps = step.gather(1, pair).numpy()
    a, b = pair.numpy().T
    offset = (steps[:, 0] - steps[:, 1]) % n_angles
    votes = np.zeros((n_templates, n_templates, n_angles), np.float32)
    torn = top.prod(1).numpy()
    np.add.at(votes, (a, b, offset), torn)
    np.add.at(votes, (b, a, -offset % n_angles), torn)
    votes[group[:, None] != group] = 0
    smooth = votes + 0.5 * (np.roll(votes, 1, 2) + np.roll(votes, -1, 2))
    most = smooth.argmax(2)
    near = np.take_along_axis(votes, (most[..., None] + _NEAR) % n_angles, 2)
    beside = (near @ _NEAR) / np.maximum(near.sum(2), 1e-30)
    return smooth.max(2).astype(np.float64), most + beside
