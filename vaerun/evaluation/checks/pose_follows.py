"""Whether the found pose follows images that are moved by known amounts, and z stays."""

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.moved_images import SHIFT
from vaerun.geometry import apply, rotation
from vaerun.models.pose import OrbitPose, PoseModel

_WRONG_DEG = 20.0  # from here on an angle was not followed
_MOST_WRONG = 0.2  # share of images
_LATE = 0.67  # of the epochs: a best one before that shows that there were enough
_MOST_MOVED = 0.35  # of the spread of z, in the mean: an image that changes its kind moves far

Floats = npt.NDArray[np.float64]


def pose_follows(run: CheckedRun) -> Finding | None:
    """Move images as the model's invariances say, encode them again, compare.

    An angle counts as followed if the image looks the same at the angle that was found.
    """
    if not run.network.latents.n_pose or len(run) < FEWEST:
        return None
    turn = run.move.turn.numpy().astype(np.float64)
    change = _wrapped(run.moved.angle - run.encodings.angle - turn)
    off_deg = np.zeros(len(run))
    if run.has_angle:
        off_deg = np.rad2deg(_allowing_for_symmetry(run, change))
    off_px = _shift_error(run)
    wrong, z_moves = float((off_deg > _WRONG_DEG).mean()), float(run.z_moves.mean())
    too_far = SHIFT / 2 * run.side
    parts = []
    if run.has_angle:
        parts.append(f"turned images: {100 * wrong:.0f} % of the angles off by more than "
                     f"{_WRONG_DEG:.0f}°, median {np.median(off_deg):.1f}°")  # fmt: skip
    if run.has_shift:
        parts.append(f"shifts off by {np.median(off_px):.2f} px (median)")
    parts.append(f"z moves by {100 * z_moves:.0f} % of its spread")
    nearer = max((wrong, _MOST_WRONG), (z_moves, _MOST_MOVED), key=lambda one: one[0] / one[1])
    return Finding(
        value=nearer[0],
        limits=(None, nearer[1]),
        text="; ".join(parts),
        mend=f"{_longer(run)} {_finer(run.network.search)}".rstrip(),
        arrays={"turn": turn, "found": turn + change, "off": off_deg, "z_change": run.z_moves},
        failed=wrong > _MOST_WRONG or z_moves > _MOST_MOVED or bool(np.median(off_px) > too_far),
    )


def _longer(run: CheckedRun) -> str:
    """Override of more epochs, or where more only taught the images by heart, of a poorer z.

    The network of the lowest validation loss is kept, so epochs after it change nothing.
    """
    best = int(np.argmin([row["val/loss"] for row in run.rows])) + 1 if run.rows else run.epochs
    if best > _LATE * run.epochs:
        return f"trainer.max_epochs={3 * run.epochs}"
    return "objective.beta_end=2"


def _finer(search: PoseModel) -> str:
    """Override by which angles are found more surely, empty where there is none."""
    if not isinstance(search, OrbitPose):
        return "model/pose=orbit"
    return "model.pose.bins=16" if len(search.bin_angle) > 1 else ""


def _shift_error(run: CheckedRun) -> Floats:
    """Distance (n,) of the found shifts from those that follow from the move, pixels."""
    if not run.has_shift:
        return np.zeros(len(run))
    move = run.move
    matrix = move.factor[:, None, None] * rotation(move.turn)
    expected = apply(matrix, move.turn.new_tensor(run.encodings.shift)) + move.shift_px
    off = (run.moved.shift - expected.numpy())[:, -run.network.latents.n_shifts :]
    error: Floats = np.linalg.norm(off, axis=1)
    return error


def _wrapped(angle: npt.NDArray[np.floating]) -> Floats:
    return (np.asarray(angle, np.float64) + np.pi) % (2 * np.pi) - np.pi


def _allowing_for_symmetry(run: CheckedRun, error: Floats) -> Floats:
    """Angles (n,) to the nearest rotation that leaves the object as it is, radians.

    Noise of an image is like itself at no angle but zero, so the image is compared with the one
    that matches it best.
    """
    i = np.arange(len(run))
    j = run.match.neighbours(1)[:, 0]
    symmetric = run.match.deviation(i, j, run.match.angle(i, j) + error)
    nearest: Floats = np.minimum(np.abs(error), np.abs(symmetric))
    return nearest
