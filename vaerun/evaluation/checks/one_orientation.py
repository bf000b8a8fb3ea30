"""Whether like objects are decoded in one orientation, all over z."""

import numpy as np

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding

_ENOUGH = 0.3  # share of the images that need a like one
_APART_DEG = 25.0
_MOST_APART = 0.1  # share of pairs


def one_orientation(run: CheckedRun) -> Finding | None:
    """Compare the model's angles of like images with the angle at which the images match.

    Which images are alike, and at which angle, is seen from the images alone. A pair that
    matches at several angles may have any of them.
    """
    if not run.has_angle or len(run) < FEWEST:
        return None
    i, j = run.like_pairs
    covered = len(np.unique(i)) / len(run)
    if covered < _ENOUGH:
        text = f"only {100 * covered:.0f} % of the images have a like one to compare with"
        return Finding(value=None, limits=(None, _MOST_APART), text=text)
    angle = run.encodings.angle
    apart = np.rad2deg(run.match.error(i, j, angle[j] - angle[i])) > _APART_DEG
    share = float(apart.mean())
    affected = np.bincount(i, apart, len(run)) / np.maximum(np.bincount(i, minlength=len(run)), 1)
    # of two orientations with shares p and 1 − p, 2p(1 − p) of the pairs disagree
    minority = (1 - np.sqrt(max(1 - 2 * share, 0.0))) / 2
    if share > _MOST_APART:
        text = (
            f"{100 * share:.0f} % of like images are decoded in different orientations: about "
            f"{100 * minority:.0f} % of the images are turned against the others"
        )
    else:
        text = f"{100 * (1 - share):.0f} % of like images have the same orientation"
    return Finding(
        value=share,
        limits=(None, _MOST_APART),
        text=text,
        mend="objective=annealed model.clustering.templates=64 model.clustering.repeats=3 "
        f"trainer.max_epochs={2 * len(run.rows)}",
        arrays={"z": run.encodings.z_mean, "affected": affected},
    )
