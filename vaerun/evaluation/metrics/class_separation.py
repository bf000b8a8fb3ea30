"""How distinct found classes are, judged without a label by what a model draws of them.

A class is well found if its pictures are alike, and unlike those of the other classes. Pictures
are compared under every rotation, since a model may put each class upright as it likes.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from vaerun.geometry import rotate

Floats = npt.NDArray[np.floating]

N_PICTURES = 12  # of a class
_N_ANGLES = 36
_USED = 0.25  # of an even share: a class with fewer images counts as unused

# J classes, S pictures of a class, N = all pictures.


def class_separation(pictures: Sequence[Floats], share: Floats) -> dict[str, float]:
    """How much liker a picture is to the next of its own class than to any of the others.

    Parameters
    ----------
    pictures
        Of each of J classes (S, C, H, W), decoded upright at contents that its images have; S is
        0 for a class without images.
    share
        (J,) of the images that are in each class.

    Returns
    -------
    dict
        ``within`` and ``between``, mean similarities from −1 to 1 of a picture to the one most
        like it in its own class and in the others; ``unused``, the share of classes with next to
        no images; ``score`` = (1 − unused) · (within − between).

    Notes
    -----
    Similarity is the correlation over pixels at the best of 36 rotations. The next picture, not
    the mean over all, since content may turn a thing gradually into a rather different one, as
    shear does: a mean over the class prefers models that draw one picture whatever the content.
    An unused class takes its part of the score with it.
    """
    used = [j for j, some in enumerate(pictures) if len(some) and share[j] * len(share) >= _USED]
    unused = 1 - len(used) / len(pictures)
    if len(used) < 2:
        return {"score": 0.0, "within": 0.0, "between": 0.0, "unused": unused}
    alike = similarity(np.concatenate([pictures[j] for j in used]))
    np.fill_diagonal(alike, -np.inf)
    member = np.repeat(used, [len(pictures[j]) for j in used])
    is_own = member[:, None] == member
    within = float(np.where(is_own, alike, -1).max(1).mean())
    between = float(np.where(is_own, -1, alike).max(1).mean())
    score = (1 - unused) * (within - between)
    return {"score": score, "within": within, "between": between, "unused": unused}


def similarity(pictures: Floats) -> Floats:
    """Correlation of every two of N pictures (N, C, H, W) at the best rotation, (N, N).

    A picture counts as like itself at no rotation: 1.
    """
    images = torch.as_tensor(pictures, dtype=torch.float32)
    fixed = _standard(images)
    best = torch.full((len(images), len(images)), -1.0)
    for step in range(_N_ANGLES):
        angle = torch.full((len(images),), 2 * math.pi * step / _N_ANGLES)
        best = torch.maximum(best, fixed @ _standard(rotate(images, angle)).T)
    both: Floats = torch.maximum(best, best.T).numpy()
    return both


def _standard(images: torch.Tensor) -> torch.Tensor:
    """Pixels (N, P) of mean 0 and length 1; blank ones stay 0."""
    flat = images.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)
