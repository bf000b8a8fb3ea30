"""Whether like objects are decoded in one orientation, all over z."""

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.steps import links_and_long_step
from vaerun.evaluation.checks.synchronisation import off_the_main, synchronise

_ENOUGH = 0.3  # share of the images that need a like one
_APART_DEG = 25.0  # a pair
_TURNED_DEG = 45.0  # an image against most others: small differences of pairs add up
_MOST_APART = 0.1  # share of pairs
_MOST_TURNED = 0.15  # share of the images of a kind
_GAP = 1.2  # times a long step between like images: farther apart are two kinds

Ints = npt.NDArray[np.int64]


def one_orientation(run: CheckedRun) -> Finding | None:
    """Compare the model's angles of like images with the angle at which the images match.

    Which images are alike, and at which angle, is seen from the images alone. A pair that
    matches at several angles may have any of them. Where the orientation changes with the content
    few pairs have one image on each side, so the pairs are also taken together: they say by how
    much the orientation of every image differs from that of most images of its kind, which are
    those that steps between like images lead to.
    """
    if not run.has_angle or len(run) < FEWEST:
        return None
    i, j = run.like_pairs
    covered = len(np.unique(i)) / len(run)
    if covered < _ENOUGH:
        text = f"only {100 * covered:.0f} % of the images have a like one to compare with"
        return Finding(value=None, limits=(None, _MOST_TURNED), text=text)
    apart = float((np.abs(_deviation(run, i, j)) > np.deg2rad(_APART_DEG)).mean())
    a, b = _steps(run)
    i, j = np.concatenate([i, a]), np.concatenate([j, b])
    joined = synchronise(len(run), i, j, _deviation(run, i, j))
    turned, away = off_the_main(joined, np.deg2rad(_TURNED_DEG))
    share = max(
        (turned[kind].mean() for kind in joined.sets() if len(kind) >= FEWEST),
        default=turned.mean(),
    )
    text = f"{100 * (1 - apart):.0f} % of like images have the same orientation"
    if share > _MOST_TURNED:
        text = (
            f"like images in two orientations or more: {100 * turned.mean():.0f} % of all, of one "
            f"kind {100 * share:.0f} %, are turned against most others, by "
            f"{np.median(np.abs(np.rad2deg(away[turned]))):.0f}° (median)"
        )
    elif apart > _MOST_APART:
        text = f"{100 * apart:.0f} % of like images are decoded in different orientations"
    return Finding(
        value=float(share),
        limits=(None, _MOST_TURNED),
        text=text,
        mend="objective=annealed model.clustering.templates=64 model.clustering.repeats=3 "
        f"trainer.max_epochs={2 * run.epochs}",
        arrays={"z": run.encodings.z_mean, "away": away},
        failed=bool(share > _MOST_TURNED or apart > _MOST_APART),
    )


def _deviation(run: CheckedRun, i: Ints, j: Ints) -> npt.NDArray[np.float64]:
    """Found rotation (m,) of pairs less that at which they match, radians.

    Noise decides at which of the equal angles patches of a lattice match best.
    """
    angle, period = run.encodings.angle, 2 * np.pi / run.symmetry
    deviation = run.match.deviation(i, j, angle[j] - angle[i])
    return np.asarray(deviation - period * np.rint(deviation / period))


def _steps(run: CheckedRun) -> tuple[Ints, Ints]:
    """Pairs that join images of a kind that no pair of likest images joins."""
    away = np.sqrt(np.clip(1 - run.match.best, 1e-9, None))
    a, b, length, long = links_and_long_step(away)
    usual = (length < _GAP * long) & (run.group[a] == run.group[b])
    return a[usual], b[usual]
