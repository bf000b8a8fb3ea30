"""Whether all dimensions of z are used, and each for something of its own."""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.steps import links_and_long_step

_ACTIVE = 0.1  # variance of the means, in units of the prior: less is unused
_ALL = 0.9  # share of the images' structure: what describes as much needs no z
_SAME = 0.9  # share of one dimension's variance that another tells
_GAP = 2.0  # times a long step between neighbours in z: farther apart are two clusters

Floats = npt.NDArray[np.floating]


def latents_used(run: CheckedRun) -> Finding | None:
    """Count the dimensions of z whose means vary over the images, and those that repeat another.

    A unit is active if the variance of its posterior means is not small against the prior's
    (Burda, Grosse and Salakhutdinov, arXiv 1509.00519, use 0.01).
    """
    z = run.encodings.z_mean
    if len(z) < FEWEST or run.network.variant.deterministic:
        return None
    d = z.shape[1]
    active = np.flatnonzero(z.var(0) > _ACTIVE)
    n = len(used_dimensions(z))
    same = len(active) - n
    parts = [f"{len(active)} of {d} dimensions of z vary with the images"]
    if same:
        parts.append(f"{same} of them repeat others")
    nothing_left = not len(active) and run.explained > _ALL
    if nothing_left:
        parts.append("nothing is left for it: pose and class describe the images")
    mend = f"model.latent_dim={max(n, 1)}"
    if not n:
        mend = f"objective.beta_start=1 objective.beta_end=1 trainer.max_epochs={2 * run.epochs}"
    return Finding(
        value=float(n),
        limits=(float(max(d // 2, 1)), None),
        text="; ".join(parts),
        mend=mend,
        arrays={"variance": z.var(0)},
        failed=False if nothing_left and d <= 2 else None,
    )


def used_dimensions(z: Floats) -> npt.NDArray[np.int64]:
    """Columns of z (n, d) that vary, without those that neighbours in an earlier column tell.

    Where z has clusters, any column tells the cluster and with it much of the others: what counts
    is what it tells beyond, within clusters. Fewer than `FEWEST` images are too few to see that.
    """
    active = np.flatnonzero(z.var(0) > _ACTIVE)
    if len(active) < 2 or len(z) < FEWEST:
        return active
    z = z[:, active]
    own = z - _cluster_means(z)
    used: list[int] = []
    for i in range(len(active)):
        both = [((z[:, [j]], own[:, i]), (z[:, [i]], own[:, j])) for j in used]
        if not any(min(explained_share(*pair) for pair in pairs) > _SAME for pairs in both):
            used.append(i)
    return active[used]


def _cluster_means(z: Floats) -> Floats:
    """The mean (n, a) of the cluster that each row of z (n, a) belongs to: gaps part clusters."""
    scaled = z / np.maximum(z.std(0), 1e-12)
    gap = _GAP * links_and_long_step(cdist(scaled, scaled))[3]
    clusters = AgglomerativeClustering(None, linkage="single", distance_threshold=gap)
    _, which = np.unique(clusters.fit_predict(scaled), return_inverse=True)
    member = np.eye(which.max() + 1)[which]
    means: Floats = (member.T @ z / member.sum(0)[:, None])[which]
    return means


def explained_share(given: Floats, wanted: Floats, k: int = 8) -> float:
    """R² of what the k nearest of (n, m) numbers predict of (n,) or (n, w), in five parts."""
    scale = np.maximum(given.std(0), 1e-12)
    predicted = cross_val_predict(KNeighborsRegressor(k), given / scale, wanted, cv=5)
    total = np.square(wanted - wanted.mean(0)).sum()
    return float(1 - np.square(wanted - predicted).sum() / max(total, 1e-12))
