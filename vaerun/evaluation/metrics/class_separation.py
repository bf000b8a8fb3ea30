"""Separation of predicted classes, judged without labels by the images decoded from them.

Classes are well separated if decoded images of one class are similar to each other and unlike
those of others. They are compared under every rotation, since the canonical orientation of a class
is arbitrary.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from vaerun.geometry import rotate

Floats = npt.NDArray[np.floating]

N_PICTURES = 12  # decoded for each class
_N_ANGLES = 36
_USED = 0.25  # of an even share of the images: a class with less is unused

# J classes, S pictures of a class, N = all pictures.


def class_separation(pictures: Sequence[Floats], share: Floats) -> dict[str, float]:
    """Similarity of decoded images within a class, less that to the other classes.

    Parameters
    ----------
    pictures
        Images (S, C, H, W) decoded for each of J classes in its canonical orientation, at contents
        that its images have; S is 0 for a class without images.
    share
        (J,) share of the images in each class.

    Returns
    -------
    dict
        ``within`` and ``between``, mean similarity (−1 to 1) of a picture to the most similar
        one of its own class and of the others; ``unused``, the share of classes with less than a
        quarter of an even share of the images; ``score`` = (1 − unused) · (within − between).

    Notes
    -----
    Similarity is the correlation over pixels at the best of 36 rotations. It is that of the most
    similar picture, not the mean over the class, since content may change an object gradually, as
    shear does: the mean would favour models that ignore the content.
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

    The diagonal is 1.
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
    """Pixels (N, P) of mean 0 and length 1; blank images stay 0."""
    flat = images.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)
