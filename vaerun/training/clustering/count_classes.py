"""Classes by the valleys between them, and their number.

A continuous class can be cut anywhere, but wherever it is cut, images lie on the cut; between two
classes there are next to none. So templates are joined, two parts at a time, where most images are
nearly as likely under one part as under the other, until all parts left have valleys between them.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.training.clustering.spectral import Floats

# N images, M templates, J parts.

MOST_CLASSES = 12
_NEAR = 0.5  # of the median difference of log-likelihoods within the smaller part
DEEPEST = 0.25  # a valley has fewer images than this share of those expected without it
# A class has this share of the images at least, and so many; fewer where the number of classes is
# given, since that they are few is then no reason to doubt a class.
_LEAST_SHARE, _LEAST_FOUND, _LEAST_GIVEN = 0.01, 5, 3
_DOUBT = 1.0  # images that may be in a valley beside those seen
# share of the images, or number of them, that a template to start from is best for
_LEAST_OF_TEMPLATE = (0.001, 5)


class ClassCount(NamedTuple):
    """Number of classes found, and what tells against one more.

    Attributes
    ----------
    n_classes
        1 if the images do not fall into parts.
    filled
        Images in the shallowest valley between the classes, as a share of those expected without
        a valley; 0 for one class.
    filled_if_more
        The same for one class more; infinite if that class would be too small.
    from_other_starts
        Numbers found from other starts of the templates.
    """

    n_classes: int
    filled: float
    filled_if_more: float
    from_other_starts: tuple[int, ...] = ()

    @property
    def reason(self) -> str:
        """Why there are so many, for a log."""
        reason = "one more would have next to no image"
        if np.isfinite(self.filled_if_more):
            reason = (
                f"between them are {100 * self.filled:.0f} % of the images that a continuous "
                f"class would have there, with one more {100 * self.filled_if_more:.0f} %"
            )
        others = [n for n in self.from_other_starts if n != self.n_classes]
        if others:
            reason += f"; other starts find {' and '.join(map(str, others))}: look at the classes"
        return reason


def count_classes(score: Tensor, links: Floats) -> ClassCount:
    """Count classes by the log-likelihoods (N, M) of templates and their links (M, M).

    The scores should be under templates without the image's own share: a template fits the noise
    of its own few images, which makes valleys where there are none.

    The largest number of parts that are all separated by valleys is returned.
    """
    parts = join_parts(
        score, links, MOST_CLASSES + 1, max(_LEAST_SHARE * len(score), _LEAST_FOUND)
    )
    filled = {n: shallowest_valley(score, part) if n > 1 else 0.0 for n, part in parts.items()}
    n_classes = max(n for n, share in filled.items() if share < DEEPEST and n <= MOST_CLASSES)
    return ClassCount(n_classes, filled[n_classes], filled.get(n_classes + 1, np.inf))


def partition_by_valleys(
    score: Tensor, links: Floats, n_classes: int
) -> npt.NDArray[np.int64] | None:
    """Part of each template (M,) by `join_parts`; None if there are fewer parts at its start."""
    least = max(_LEAST_SHARE * len(score), _LEAST_GIVEN)
    return join_parts(score, links, n_classes, least).get(n_classes)


def join_parts(
    score: Tensor, links: Floats, most: int, least: float
) -> dict[int, npt.NDArray[np.int64]]:
    """Part of each template (M,), for every number of parts from 1 to ``most`` that is reached.

    Parts of fewer than ``least`` images are joined first, each to that it has the shallowest
    valley to, then the two of all parts with the shallowest valley between them. Templates that
    are best for next to no image follow those that they have the strongest links to.
    """
    best = torch.bincount(score.argmax(1), minlength=score.shape[1])
    share, images = _LEAST_OF_TEMPLATE
    start = (best >= min(share * len(score), images)).nonzero()[:, 0].numpy()
    members = [[m] for m in start]  # templates of each part
    of_part = score[:, torch.from_numpy(start)]  # (N, P)
    filled = torch.zeros(len(start), len(start))
    for a in range(len(start)):
        _update(filled, of_part, a)
    parts = {}
    while True:
        if len(members) <= most:
            parts[len(members)] = _all_templates(members, links)
        if len(members) == 1:
            return parts
        size = torch.bincount(of_part.argmax(1), minlength=len(members))
        a = int(size.argmin()) if int(size.min()) < least else int(filled.max(1).values.argmax())
        tied = filled[a] == filled[a].max()
        tied[a] = False
        strength = links[members[a]].sum(0)
        b = max(tied.nonzero()[:, 0].tolist(), key=lambda j: strength[members[j]].sum())
        a, b = min(a, b), max(a, b)
        joined = torch.logaddexp(of_part[:, a], of_part[:, b])
        kept = [j for j in range(len(members)) if j != b]
        members[a] += members.pop(b)
        of_part = of_part[:, kept]
        of_part[:, a] = joined
        filled = filled[kept][:, kept]
        _update(filled, of_part, a)


def _update(filled: Tensor, of_part: Tensor, a: int) -> None:
    """Set row and column ``a`` of the shares (P, P) of filled valleys, 0 on the diagonal."""
    filled[a] = filled[:, a] = _filled(of_part, of_part.argmax(1), a)


def _all_templates(members: list[list[int]], links: Floats) -> npt.NDArray[np.int64]:
    """Part of each template (M,), the strongest linked for those that no part has."""
    strength = np.stack([links[:, m].sum(1) for m in members], axis=1)  # (M, P)
    part = strength.argmax(1)
    for j, m in enumerate(members):
        part[m] = j
    return part


def shallowest_valley(score: Tensor, part: npt.NDArray[np.int64]) -> float:
    """Images in the shallowest valley between two parts (M,), over those expected without it.

    The difference d of the log-likelihoods of two parts runs from positive values in one to
    negative ones in the other. With d uniform up to the median of |d| in the smaller part of n
    images, n·w of them have |d| below w times this median, on both sides of the cut together.
    Infinite if a part has less than 1 % of the images, or fewer than five.
    """
    of_part = _of_parts(score, part)
    least = max(_LEAST_SHARE * len(score), _LEAST_FOUND)
    return float(_fullest_valleys(of_part, of_part.argmax(1), least).max())


def mean_valley(
    score: Tensor, part: npt.NDArray[np.int64], unbiased: Tensor | None = None
) -> float:
    """Mean over parts (M,) of the shallowest valley around each, as in `shallowest_valley`.

    It tells partitions of images without clear classes apart, which all have a filled valley
    somewhere: that which severs small groups has one around most of its parts. Differences count
    relative to the range of an image's log-likelihoods: a faint or small object of a frequent
    class is nearer to all cuts, but not in the valley of a rare one. To the images that are in a
    valley, and to those expected, one is added: that none of two or three is there says little,
    and would make a few images of a class the best cut.
    Infinite if a part has less than 1 % of the images, or fewer than three.

    Parameters
    ----------
    score
        (N, M) log-likelihoods, whose highest tell the part of each image.
    unbiased
        (N, M) log-likelihoods whose differences count; None: those of ``score``.
    """
    spread = (score.amax(1) - score.amin(1)).clamp_min(1e-6)
    member = _of_parts(score, part, spread).argmax(1)
    of_part = _of_parts(score if unbiased is None else unbiased, part, spread)
    least = max(_LEAST_SHARE * len(score), _LEAST_GIVEN)
    return float(_fullest_valleys(of_part, member, least, _DOUBT).mean())


def _of_parts(score: Tensor, part: npt.NDArray[np.int64], unit: Tensor | float = 1.0) -> Tensor:
    """Log-likelihoods (N, P) of images under parts (M,), in a ``unit`` (N,) of each image."""
    parts = range(part.max() + 1)
    of_part = torch.stack([score[:, torch.from_numpy(part == j)].logsumexp(1) for j in parts], 1)
    return of_part / torch.as_tensor(unit).expand(len(score))[:, None]


def _fullest_valleys(of_part: Tensor, member: Tensor, least: float, doubt: float = 0.0) -> Tensor:
    """Share (P,) of images in the shallowest valley around each part.

    Infinite if a part has fewer than ``least`` images. ``of_part`` (N, P), ``member`` (N,) and
    ``doubt`` as in `_filled`.
    """
    n_parts = of_part.shape[1]
    if int(torch.bincount(member, minlength=n_parts).min()) < least:
        return torch.full((n_parts,), math.inf)
    filled = torch.stack([_filled(of_part, member, j, doubt) for j in range(n_parts)])
    return filled.max(1).values


def _filled(of_part: Tensor, member: Tensor, a: int, doubt: float = 0.0) -> Tensor:
    """Images in the valleys around part a over those expected without them, (P,), 0 for itself.

    ``of_part`` (N, P) are log-likelihoods, ``member`` (N,) is the part of each image; ``doubt`` is
    added to the number of images and to that of those expected. An image that is likelier under
    another part than its own is in the valley.
    """
    size = torch.bincount(member, minlength=of_part.shape[1])
    inside = of_part[member == a]
    if not len(inside):
        return torch.zeros(len(size))
    from_a = inside[:, a, None] - inside  # (n, P), how far images of a are from the others
    from_other = of_part.gather(1, member[:, None])[:, 0] - of_part[:, a]  # (N,) from a
    usual = torch.minimum(from_a.median(0).values, _medians(from_other, member, size)).clamp_min(0)
    near = (from_a < _NEAR * usual).sum(0)
    near += torch.bincount(member[from_other < _NEAR * usual[member]], minlength=len(size))
    filled = (near + doubt) / (_NEAR * size.clamp(1, len(inside)) + doubt)
    filled[size == 0] = 0
    filled[a] = 0
    return filled


def _medians(values: Tensor, group: Tensor, size: Tensor) -> Tensor:
    """Median (P,) of the values (N,) of each group (N,), which has ``size`` (P,) of them."""
    order = values.argsort()
    order = order[group[order].argsort(stable=True)]
    middle = size.cumsum(0) - size + (size - 1).clamp_min(0) // 2
    return values[order[middle.clamp_max(len(values) - 1)]]
