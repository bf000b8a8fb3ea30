"""Whether like objects are decoded in one orientation, all over z."""

import numpy as np

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.synchronisation import off_the_main, synchronise

_ENOUGH = 0.3  # share of the images that need a like one
_APART_DEG = 25.0  # a pair
_TURNED_DEG = 45.0  # an image against most others: small differences of pairs add up
_MOST_APART = 0.1  # share of pairs
_MOST_TURNED = 0.1  # share of images


def one_orientation(run: CheckedRun) -> Finding | None:
    """Compare the model's angles of like images with the angle at which the images match.

    Which images are alike, and at which angle, is seen from the images alone. A pair that
    matches at several angles may have any of them. Where the orientation changes with the content
    few pairs have one image on each side, so the pairs are also taken together: they say by how
    much the orientation of every image differs from that of most images that pairs lead to.
    """
    if not run.has_angle or len(run) < FEWEST:
        return None
    i, j = run.like_pairs
    covered = len(np.unique(i)) / len(run)
    if covered < _ENOUGH:
        text = f"only {100 * covered:.0f} % of the images have a like one to compare with"
        return Finding(value=None, limits=(None, _MOST_TURNED), text=text)
    angle = run.encodings.angle
    deviation = run.match.deviation(i, j, angle[j] - angle[i])
    apart = float((np.abs(deviation) > np.deg2rad(_APART_DEG)).mean())
    turned, away = off_the_main(synchronise(len(run), i, j, deviation), np.deg2rad(_TURNED_DEG))
    share = float(turned[np.unique(i)].mean())
    text = f"{100 * (1 - apart):.0f} % of like images have the same orientation"
    if share > _MOST_TURNED:
        text = (
            f"two or more orientations of like images: about {100 * share:.0f} % are turned "
            f"against the others, by {np.median(np.abs(np.rad2deg(away[turned]))):.0f}°"
        )
    elif apart > _MOST_APART:
        text = f"{100 * apart:.0f} % of like images are decoded in different orientations"
    return Finding(
        value=share,
        limits=(None, _MOST_TURNED),
        text=text,
        mend="objective=annealed model.clustering.templates=64 model.clustering.repeats=3 "
        f"trainer.max_epochs={2 * len(run.rows)}",
        arrays={"z": run.encodings.z_mean, "affected": np.abs(away) / np.pi},
        failed=share > _MOST_TURNED or apart > _MOST_APART,
    )
