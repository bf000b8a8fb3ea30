"""Whether the images are turned or shifted in ways that the model has no latents for."""

import numpy as np
import torch

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.geometry import apply, is_curve, rotation

_TURNED_DEG = 40.0
_BETTER = 0.2  # of the range of a pair's correlation: a match this much better than unturned
_MOST_TURNED = 0.25  # share of like pairs
_MOST_SHIFT = 0.04  # sd of the centres, of the side


def invariances(run: CheckedRun) -> Finding | None:
    """Look for rotation and shift among like images, and whether the model has them.

    A model with no pose at all leaves them to z, which then is not about the objects alone.
    """
    if len(run) < FEWEST or run.network.variant.deterministic or is_curve(run.x.shape[2]):
        return None
    turned, shift_px = _turned(run), _shift(run)
    lacking = ""
    lacking += "r" if not run.has_angle and (turned or 0) > _MOST_TURNED else ""
    off_centre = not run.has_shift and (shift_px or 0) > _MOST_SHIFT * run.side
    lacking += "t" if off_centre else ""
    parts = []
    if turned is not None:
        parts.append(f"{100 * turned:.0f} % of like images are turned against each other")
    if shift_px is not None:
        parts.append(f"objects are off centre by {shift_px:.1f} px (sd)")
    names = {"r": "rotation", "t": "shift"}
    if lacking:
        parts.append(f"the model has no latent of {' and '.join(names[k] for k in lacking)}")
    if turned is None and shift_px is None:
        return Finding(value=None, limits=(None, 0), text="no like images, no single objects")
    return Finding(
        value=float(len(lacking)),
        limits=(None, 0),
        text="; ".join(parts),
        mend=_mend(run, lacking),
        arrays={} if turned is None else {"angle": _match_angles(run)},
    )


def _mend(run: CheckedRun, lacking: str) -> str:
    if not lacking:
        return ""
    if run.network.latents.n_pose:
        return run.invariances(",".join(lacking))
    letters = ["r", *(["t"] if "t" in lacking else [])]
    return f"model=rvae 'model.invariances=[{','.join(letters)}]'"


def _match_angles(run: CheckedRun) -> np.ndarray:
    """Angle (m,) at which each pair of like images matches best, degrees."""
    angle = np.rad2deg(run.match.angle(*run.like_pairs))
    return np.asarray((angle + 180) % 360 - 180)


def _turned(run: CheckedRun) -> float | None:
    """Share of the pairs of like images that match only when turned; None for too few."""
    i, j = run.like_pairs
    if len(i) < FEWEST:
        return None
    some = run.match.correlation[i, j]
    span = some.max(1) - some.min(1)
    better = some.max(1) - some[:, 0] > _BETTER * span
    return float((better & (np.abs(_match_angles(run)) > _TURNED_DEG) & (span > 0.1)).mean())


def _shift(run: CheckedRun) -> float | None:
    """Spread of the objects' places along an axis, pixels; None where they are not single.

    An object that turns about a point beside its middle is off centre, but has no shift: the
    centre of an image, turned by the angle of a match, is compared with that of the like image.
    """
    centre = run.centre
    if centre is None:
        return None
    i, j = run.like_pairs
    if len(i) < FEWEST:
        away = centre - np.median(centre, axis=0)
    else:
        matrix = rotation(torch.from_numpy(run.match.angle(i, j)))
        turned = apply(matrix, torch.from_numpy(centre[i])).numpy()
        away = (centre[j] - turned) / np.sqrt(2)
    return float(np.median(np.abs(away), axis=0).max() / 0.6745)
