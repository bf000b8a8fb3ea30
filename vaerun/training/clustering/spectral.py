"""The template graph: soft assignments as links, its normalised cut, and label propagation."""

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

# N images, M templates of all mixtures, J classes.

Floats = npt.NDArray[np.float64]

SOFTNESS = 0.1  # temperature of soft assignments, in units of the median gap
_LEAK = 1e-3  # share of every link that is spread evenly: outliers form no class of their own


def median_gap(score: Tensor) -> Tensor:
    """Median over images of the gap between their two best template scores, (N, M), in nats."""
    top = score.topk(2, dim=1).values
    return (top[:, 0] - top[:, 1]).median().clamp_min(1e-3)


def soft_assignment(score: Tensor, gap: Tensor, softness: float = SOFTNESS) -> Floats:
    """Soft assignment of each image to the templates of one mixture, (N, M), rows sum to 1.

    ``score`` (N, M) and ``gap`` are in nats. With several mixtures every image links templates of
    all of them, so a lower softness within each suffices.
    """
    assignment: Floats = (score / (softness * gap)).double().softmax(1).numpy()
    return assignment


def spectral_partition(links: Floats, n_parts: int, seed: int) -> npt.NDArray[np.int64]:
    """The part of each template, (M,), by a normalised cut of links (M, M).

    Spectral clustering (Ng, Jordan and Weiss 2001) with several numbers of eigenvectors proposes
    partitions; the one with the least normalised cut (Shi and Malik 2000) is returned. With as
    many vectors as parts alone, a class that splits easily makes two others merge.
    """
    degree = links.sum(1)
    leaking = links + _LEAK * degree.mean() / len(links)
    total = leaking.sum(1)
    _, vectors = np.linalg.eigh(leaking / np.sqrt(np.outer(total, total)))
    proposals = []
    for n_vectors in range(max(n_parts - 1, 2), min(2 * n_parts, len(links)) + 1):
        rows = vectors[:, -n_vectors:]
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        proposals.append(k_means(rows, n_parts, seed, total))
    return min(proposals, key=lambda part: normalised_cut(leaking, part))


def k_means(
    rows: Floats, n_parts: int, seed: int, weight: Floats | None = None
) -> npt.NDArray[np.int64]:
    """Part of each row (M, d), weighted by (M,), by k-means: the best of 20 starts.

    Of fewer distinct rows than parts, as templates of a few images may be, parts stay empty.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = KMeans(n_parts, n_init=20, random_state=seed).fit(rows, sample_weight=weight)
    return np.asarray(means.labels_, np.int64)


def normalised_cut(links: Floats, part: npt.NDArray[np.int64]) -> float:
    """Share of each part's links (M, M) that leave it, summed over the parts (M,)."""
    member = np.eye(part.max() + 1)[part]
    within = np.einsum("mj,mn,nj->j", member, links, member, optimize=True)
    total = links.sum(1) @ member
    return float((1 - within / np.maximum(total, 1e-300)).sum())


def propagate_labels(
    links: Floats, assignment: Floats, label: npt.NDArray[np.int64], n_classes: int
) -> Floats:
    """Class probabilities of each template, (M, J), by label propagation.

    The probability that a random walk along the links (M, M) first meets a label of that class;
    ``label`` (N,) is −1 for unlabelled images, ``assignment`` (N, M) is soft.
    """
    labelled = label >= 0
    weight = assignment[labelled].T @ np.eye(n_classes)[label[labelled]]  # (M, J)
    # Each labelled image is a node where the walk ends, linked to its templates.
    leak = 1e-9 * links.sum() / len(links)
    out = links.sum(1) + weight.sum(1) + leak
    stay = np.eye(len(links)) - links / out[:, None]
    met = np.linalg.solve(stay, (weight + leak / n_classes) / out[:, None])
    return np.asarray(met / met.sum(1, keepdims=True), np.float64)
