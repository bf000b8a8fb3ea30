"""Whether z holds what the pose should hold."""

import numpy as np

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.latents_used import explained_share

_MOST_MOVED = 0.1  # of the spread of z
_MOST = 0.4  # share of a pose latent that z may tell


def pose_leak(run: CheckedRun) -> Finding | None:
    """How much of each found pose latent the neighbours in z tell, beyond chance.

    Chance is the same with the pose of the images permuted. Kinds of objects may have poses of
    their own, as the atoms of two sublattices have, so it is a leak only if z moves when images
    are moved.
    """
    z = run.encodings.z_mean
    active = z[:, z.var(0) > 0.05]
    pose = _pose(run)
    if len(z) < FEWEST or not active.shape[1] or not pose:
        return None
    order = np.random.default_rng(0).permutation(len(z))
    shares = {
        name: explained_share(active, values) - max(explained_share(active, values[order]), 0.0)
        for name, values in pose.items()
    }
    worst = max(shares, key=lambda name: shares[name])
    moves = float(run.z_moves.mean())
    said = ", ".join(f"{name} {100 * max(share, 0):.0f} %" for name, share in shares.items())
    return Finding(
        value=max(shares[worst], 0.0),
        limits=(None, _MOST),
        text=f"z tells {said}; it moves by {100 * moves:.0f} % when images are moved",
        mend=f"objective=annealed objective.beta_start=40 trainer.max_epochs={2 * run.epochs}",
        arrays={"z": z, "pose": pose[worst], "name": np.array(worst)},
        failed=shares[worst] > _MOST and moves > _MOST_MOVED,
    )


def _pose(run: CheckedRun) -> dict[str, np.ndarray]:
    """Found pose by name, (n, w) each, of what varies."""
    e = run.encodings
    pose = {}
    if run.has_angle:
        pose["angle"] = np.stack([np.cos(e.angle), np.sin(e.angle)], 1)
    if run.has_shift:
        pose["shift"] = e.shift[:, -run.network.latents.n_shifts :]
    if run.has_scale:
        pose["scale"] = np.log(np.maximum(e.scale, 1e-6))[:, None]
    return {name: np.asarray(v, np.float64) for name, v in pose.items() if np.ptp(v) > 1e-6}
