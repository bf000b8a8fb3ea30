"""Whether the found pose follows images that are moved by known amounts, and z stays."""

import math

import numpy as np
import numpy.typing as npt
import torch

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.geometry import apply, pixel_size, rotation, warp

_WRONG_DEG = 20.0  # from here on an angle was not followed
_MOST_WRONG = 0.2  # share of images
_MOST_MOVED = 0.2  # of the spread of z
_NARROW_DEG = 15.0  # images are turned by up to this where the model's angles are limited
_SHIFT, _LOG_SCALE = 0.05, 0.08  # of the side; of the size

Floats = npt.NDArray[np.float64]


def pose_follows(run: CheckedRun) -> Finding | None:
    """Move images as the model's invariances say, encode them again, compare.

    An angle counts as followed if the image looks the same at the angle that was found.
    """
    if not run.network.latents.n_pose or len(run) < FEWEST:
        return None
    generator = torch.Generator().manual_seed(0)
    n, (height, width) = len(run), run.x.shape[-2:]
    unit = pixel_size(height, width)
    most_turn = math.pi if run.any_angle else math.radians(_NARROW_DEG)
    even = 2 * torch.rand(n, 4, generator=generator) - 1
    turn = even[:, 0] * most_turn * run.has_angle
    shift_px = even[:, 1:3] * _SHIFT * min(height, width) * run.has_shift
    factor = (even[:, 3] * _LOG_SCALE * run.has_scale).exp()
    moved = warp(
        run.x.float(),
        factor[:, None, None] * rotation(turn),
        shift_px * unit,
        padding="reflection",
    )
    before, after = run.encodings, run.encode_again(moved.to(run.x.dtype))
    change = _wrapped(after.angle.astype(np.float64) - before.angle - turn.numpy())
    off_deg = np.rad2deg(_allowing_for_symmetry(run, change)) if run.has_angle else np.zeros(n)
    wrong = float((off_deg > _WRONG_DEG).mean())
    spread = 2 * run.all_encodings.z_mean.var(0).sum()
    z_change = np.square(after.z_mean - before.z_mean).sum(1)
    z_moves = float(z_change.mean() / max(spread, 1e-9)) if _is_used(run) else 0.0
    expected = apply(factor[:, None, None] * rotation(turn), torch.from_numpy(before.shift))
    off_px = np.linalg.norm(after.shift - (expected + shift_px).numpy(), axis=1)
    parts = []
    if run.has_angle:
        parts.append(f"turned images: {100 * wrong:.0f} % of the angles off by more than "
                     f"{_WRONG_DEG:.0f}°, median {np.median(off_deg):.1f}°")  # fmt: skip
    if run.has_shift:
        parts.append(f"shifts off by {np.median(off_px):.2f} px (median)")
    parts.append(f"z moves by {100 * z_moves:.0f} % of its spread")
    bad_shift = run.has_shift and np.median(off_px) > 0.5 * _SHIFT * min(height, width)
    return Finding(
        value=max(wrong, z_moves),
        limits=(None, _MOST_WRONG),
        text="; ".join(parts),
        mend=f"trainer.max_epochs={3 * len(run.rows)} model.pose.bins=16",
        arrays={"turn": turn.numpy(), "found": turn.numpy() + change, "off": off_deg,
                "z_change": z_change / max(spread, 1e-9)},
        failed=wrong > _MOST_WRONG or z_moves > _MOST_MOVED or bool(bad_shift),
    )  # fmt: skip


def _wrapped(angle: Floats) -> Floats:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _allowing_for_symmetry(run: CheckedRun, error: Floats) -> Floats:
    """Angles (n,) to the nearest rotation that leaves the object as it is, radians.

    Noise of an image is like itself at no angle but zero, so the image is compared with the one
    that matches it best.
    """
    i = np.arange(len(run))
    j = run.match.neighbours(1)[:, 0]
    best = run.match.correlation[i, j].argmax(1) * 2 * np.pi / run.match.correlation.shape[2]
    symmetric = run.match.error(i, j, (best + error).astype(np.float32))
    return np.minimum(np.abs(error), symmetric)


def _is_used(run: CheckedRun) -> bool:
    """Whether any dimension of z varies beyond the width of its posterior."""
    z = run.all_encodings
    return bool((z.z_mean.var(0) > 0.1 * np.square(z.z_sd).mean(0)).any())
