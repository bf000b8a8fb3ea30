"""The training images whose target is known, from which a model learns to infer it for the others.

`vaerun model=ssrvae model/category=regressed model.category.target=scale data=particles`
"""

import dataclasses
import logging
from typing import NamedTuple

import numpy as np
import torch

from vaerun.data.image_set import Splits
from vaerun.utils.errors import UserError

_STREAM = 6  # of the choice of images whose target is not hidden
_FEWEST = 5  # known targets that anything can be learned from

log = logging.getLogger(__name__)


class KnownTargets(NamedTuple):
    """What is known of a factor that a model infers.

    Attributes
    ----------
    target
        Name of the factor, which is NaN where it is not known; None is no factor.
    share
        Share of the training images of known target, (0, 1]; it is hidden in the others.
    """

    target: str | None
    share: float


def with_known_targets(splits: Splits, targets: KnownTargets, seed: int) -> Splits:
    """Splits with positions of training images of known target, a random share of all of these.

    Raises
    ------
    UserError
        If there is no such factor, or it is known of too few images, or the same in all.
    """
    target, share = targets
    factors = splits.train.factors
    here = f"model.category.target={'null' if target is None else target}"
    if target is None or target not in factors:
        what = f"{here} is no factor of the data set"
        if factors:
            raise UserError(what, f"name one of {', '.join(factors)}")
        raise UserError(what, "name columns or data sets of numbers by data.factors=")
    known = factors[target].isfinite().nonzero()[:, 0].numpy()
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    n = int(np.ceil(share * len(known)))
    rows = torch.from_numpy(np.sort(rng.choice(known, n, replace=False)))
    if n < _FEWEST:
        what = f"{here} is known of only {n} of {len(splits.train):,} training images"
        raise UserError(what, f"give {_FEWEST} or more, or a larger model.category.known_share")
    values = factors[target][rows]
    if float(values.max()) <= float(values.min()):
        what = f"{here} is {float(values[0]):g} in all {n:,} images of which it is known"
        raise UserError(what, "name a factor that varies, or use model=rvae")
    log.info(
        f"{target} is known of {n:,} of {len(splits.train):,} training images, and inferred for "
        "the others"
    )
    return dataclasses.replace(splits, known=rows)
