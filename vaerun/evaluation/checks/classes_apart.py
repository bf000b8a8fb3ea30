"""Whether inferred classes are kinds of objects: neither one kind in two, nor two in one."""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import SpectralClustering

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.pair_match import PairMatch
from vaerun.evaluation.checks.steps import links_and_long_step
from vaerun.evaluation.metrics.clustering import UNUSED, usage

_LINKS = 8  # images most like each
_SHARED = 0.25  # of the links that a random mixture would have: classes with more are one kind
_CUT = 0.2  # normalised cut below which a class may hold two kinds
_BY_NOISE = 0.75  # of the links between two classes: if noise makes as many, it is to blame
_FOUND_AGAIN = 0.95  # of the images of a class
_GAP = 1.3  # times a long step between like images: farther apart are two kinds
_LEAST_PART = 0.15
_FEWEST_IN_CLASS = 24

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]


def classes_apart(run: CheckedRun) -> Finding | None:
    """Compare the classes with which images look alike under a rotation, curves under a shift.

    The network of likest images is seen from the images alone. Links between two classes say
    that they are one kind, a class that falls into two parts with few links between holds two.
    """
    n_classes = run.network.n_classes
    if n_classes < 2 or len(run) < FEWEST:
        return None
    label = run.encodings.predicted
    links = _links(run.likeness, label)
    # of all images: those that are looked at may have none of a rare class
    used = np.flatnonzero(usage(run.all_encodings.predicted, n_classes) >= UNUSED)
    split = _one_kind(links, label, used)
    if split:
        split = _not_by_noise(run, links, label, split)
    merged = [int(j) for j in used if _holds_two(links, run.likeness.best, label == j)]
    crossing = float(links[label[:, None] != label].sum() / links.sum())
    n_empty = n_classes - len(used)
    n_better = n_classes - n_empty - len(split) + len(merged)
    parts = []
    if n_empty:
        parts.append(f"{n_empty} of {n_classes} classes have next to no image")
    parts += [f"classes {a} and {b} look alike" for a, b in split]
    parts += [f"class {j} holds two kinds" for j in merged]
    if not parts:
        parts.append(f"{100 * (1 - crossing):.0f} % of the likest images share their class")
    return Finding(
        value=float(n_empty + len(split) + len(merged)),
        limits=(None, 0.0),
        text="; ".join(parts),
        mend=f"model.category.n_classes={max(n_better, 2)}",
        arrays={"label": label, "links": _between(links, label, n_classes)},
    )


def _links(likeness: PairMatch, label: Ints) -> Floats:
    """Symmetric links (n, n) of each image to the most like, weighted by their correlation.

    An image has no more of them than there are others of its class: images of a rare class would
    else be linked to other classes for want of their own.
    """
    best = likeness.best
    near = likeness.neighbours(_LINKS)
    others = np.bincount(label)[label] - 1
    weight = np.where(np.arange(near.shape[1]) < others[:, None],
                      np.clip(np.take_along_axis(best, near, 1), 0, 1), 0)  # fmt: skip
    links = np.zeros_like(best, np.float64)
    np.put_along_axis(links, near, weight, 1)
    return np.maximum(links, links.T)


def _between(links: Floats, label: Ints, n_classes: int) -> Floats:
    """Links between classes (J, J), as a share of those of the smaller of the two."""
    member = np.eye(n_classes)[label]
    both: Floats = member.T @ links @ member
    own = np.maximum(both.sum(1), 1e-9)
    shared: Floats = both / np.minimum(own[:, None], own)
    return shared


def _one_kind(links: Floats, label: Ints, used: Ints) -> list[tuple[int, int]]:
    """Pairs of classes with so many links between them that they are one kind."""
    pairs = [(int(a), int(b)) for a in used for b in used[used > a]]
    return [pair for pair in pairs if _are_one(links, label, pair)]


def _are_one(links: Floats, label: Ints, pair: tuple[int, int], n_errors: float = 1.0) -> bool:
    """Whether two classes have many links between them, for classes of their sizes and at all.

    By more than ``n_errors`` standard errors of their share, as if each image had one link.
    """
    n = max(int(np.isin(label, pair).sum()), 1)
    share = _crossing(links, label, pair)
    share -= n_errors * (share * (1 - share) / n) ** 0.5
    p = (label == pair[0]).sum() / n
    return bool(share > _SHARED * 2 * p * (1 - p) and share > _SHARED / 2)


def _crossing(links: Floats, label: Ints, pair: tuple[int, int]) -> float:
    """Share of the links among the images of two classes that are between the two."""
    of_a, of_b = label == pair[0], label == pair[1]
    some = of_a | of_b
    return float(links[of_a][:, of_b].sum() / max(links[np.ix_(some, some)].sum() / 2, 1e-9))


def _not_by_noise(
    run: CheckedRun, links: Floats, label: Ints, pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs of classes that look alike not just because images are noisy.

    Noise alone is to blame where the model draws the two differently, its drawings with noise
    would look as much alike as the images do, and yet it finds the class of these again. Few
    drawings of two rare classes may look alike by chance.
    """
    drawn = _links(run.likeness_of(run.reconstructions), label)
    noisy = _links(run.likeness_of(run.drawn_again), label)
    again = run.encode_again(run.drawn_again.to(run.x.dtype)).predicted == label

    def noise_is_to_blame(pair: tuple[int, int]) -> bool:
        as_many = _crossing(noisy, label, pair) >= _BY_NOISE * _crossing(links, label, pair)
        found = min(again[label == j].mean() for j in pair) >= _FOUND_AGAIN
        return bool(as_many and found and not _are_one(drawn, label, pair, 2.0))

    return [pair for pair in pairs if not noise_is_to_blame(pair)]


def _holds_two(links: Floats, best: Floats, member: npt.NDArray[np.bool_]) -> bool:
    """Whether the images of a class fall into two parts with a gap between them.

    One kind that changes gradually, as by shear, has few links between its halves, too, but the
    images there are as like each other as others are.
    """
    if member.sum() < _FEWEST_IN_CLASS:
        return False
    inner = links[np.ix_(member, member)] + 1e-6
    part = SpectralClustering(2, affinity="precomputed", random_state=0).fit_predict(inner)
    if not _LEAST_PART < part.mean() < 1 - _LEAST_PART:
        return False
    other = part[:, None] != part
    volume = inner.sum(1)
    crossing = inner[other].sum() / 2
    cut = crossing / volume[part == 0].sum() + crossing / volume[part == 1].sum()
    away = np.sqrt(np.clip(1 - best[np.ix_(member, member)], 1e-9, None))
    return bool(cut < _CUT and away[other].min() > _GAP * links_and_long_step(away)[3])
