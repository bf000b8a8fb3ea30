"""Templates linked by the images between them, and the classes that the links fall into."""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from torch import Tensor

# N images, M templates of all atlases, J classes.

Floats = npt.NDArray[np.float64]

SOFTNESS = 0.1  # of the median gap between the two likeliest templates: the unit of being torn
_LEAK = 1e-3  # share of every link that goes to all alike: outliers make no class of their own


def median_gap(score: Tensor) -> Tensor:
    """The median gap between the scores (N, M) of the two likeliest templates, nats."""
    top = score.topk(2, dim=1).values
    return (top[:, 0] - top[:, 1]).median().clamp_min(1e-3)


def soft_assignment(score: Tensor, gap: Tensor, softness: float = SOFTNESS) -> Floats:
    """How much each image belongs to each template, (N, M), softened by the usual gap.

    Where several atlases are linked, each image ties their templates together, and a sharper
    choice within each suffices.
    """
    shares: Floats = (score / (softness * gap)).double().softmax(1).numpy()
    return shares


def spectral_partition(links: Floats, n_parts: int, seed: int) -> npt.NDArray[np.int64]:
    """The part of each template, (M,), by a normalised cut (Ng, Jordan and Weiss 2001).

    Eigenvectors only propose parts. Where a class falls apart more easily than two others part,
    as many vectors as parts join the two, and some vectors more do not, or fewer. So the least
    normalised cut of several proposals is taken, as its definition (Shi and Malik 2000) has it.
    """
    degree = links.sum(1)
    leaking = links + _LEAK * degree.mean() / len(links)
    total = leaking.sum(1)
    _, vectors = np.linalg.eigh(leaking / np.sqrt(np.outer(total, total)))
    proposals = []
    for n_vectors in range(max(n_parts - 1, 2), min(2 * n_parts, len(links)) + 1):
        rows = vectors[:, -n_vectors:]
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        means = KMeans(n_parts, n_init=20, random_state=seed).fit(rows, sample_weight=total)
        proposals.append(np.asarray(means.labels_, np.int64))
    return min(proposals, key=lambda part: normalised_cut(leaking, part))


def normalised_cut(links: Floats, part: npt.NDArray[np.int64]) -> float:
    """Share of the links of each part that lead out of it, summed over parts; (M, M), (M,)."""
    member = np.eye(part.max() + 1)[part]
    within = np.einsum("mj,mn,nj->j", member, links, member, optimize=True)
    total = links.sum(1) @ member
    return float((1 - within / np.maximum(total, 1e-300)).sum())


def propagate_labels(
    links: Floats, torn: Floats, label: npt.NDArray[np.int64], n_classes: int
) -> Floats:
    """The class of each template, (M, J): where a walk along the links first meets a label."""
    known = label >= 0
    weight = torn[known].T @ np.eye(n_classes)[label[known]]  # (M, J) labelled images
    # A labelled image is a place of its own, linked to its templates, where the walk ends.
    leak = 1e-9 * links.sum() / len(links)
    out = links.sum(1) + weight.sum(1) + leak
    stay = np.eye(len(links)) - links / out[:, None]
    met = np.linalg.solve(stay, (weight + leak / n_classes) / out[:, None])
    return np.asarray(met / met.sum(1, keepdims=True), np.float64)
